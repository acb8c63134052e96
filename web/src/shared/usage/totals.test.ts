import { expect, test } from 'vitest'
import type { UsageSum } from './sums'
import { totals } from './totals'

const day = (calls: number, estimated: number): UsageSum => ({
  of: '2026-01-31T00:00:00Z',
  calls,
  failed: 1,
  estimated,
  prompt_tokens: 1000,
  completion_tokens: 10,
  credits: '0.5',
})
const shown = (sums: UsageSum[]) => totals(sums, 'en').map(({ key, text }) => `${key} ${text}`)

test('all of a range is added up', () => {
  expect(shown([day(3, 0), day(2, 0)])).toEqual([
    'credits 1',
    'calls 5',
    'failed 2',
    'input 2,000',
    'output 20',
  ])
})

test('calls whose tokens were estimated are told where there are some', () => {
  expect(shown([day(3, 1), day(2, 2)]).at(-1)).toBe('estimated 3')
})
