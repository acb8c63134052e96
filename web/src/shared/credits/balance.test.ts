import { expect, test } from 'vitest'
import type { Entry } from './account'
import { balanceSteps } from './balance'

const entry = (credits: string, at: string): Entry => ({
  id: 0,
  kind: 'grant',
  credits,
  request: null,
  at,
  note: null,
})
const NOW = Date.parse('2026-01-03T00:00:00Z')

test('a balance is followed back through its lines, and begins with what was there before them', () => {
  const entries = [entry('-0.3', '2026-01-02T00:00:00Z'), entry('10.1', '2026-01-01T00:00:00Z')]
  const values = balanceSteps('12.8', entries, NOW)
  expect(values.map(([, value]) => value)).toEqual([3, 13.1, 12.8, 12.8])
  expect(values.map(([at]) => at)).toEqual([...values.map(([at]) => at)].sort())
  expect(values.at(-1)?.[0]).toBe(NOW)
})

test('without lines there is nothing to draw', () => {
  expect(balanceSteps('0', [], NOW)).toEqual([])
})
