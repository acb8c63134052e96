import { expect, test } from 'vitest'
import { credits, micros, signed, sumOf } from './credits'

test.each(['0', '1', '0.000001', '-0.5', '-12.345678', '9007199254740993.000001'])(
  '%s is kept exactly',
  (text) => {
    expect(credits(micros(text))).toBe(text)
  },
)

test.each([
  ['2', '+2'],
  ['0.000001', '+0.000001'],
  ['0', '0'],
  ['-0.5', '-0.5'],
])('%s is a change of %s', (amount, change) => {
  expect(signed(amount)).toBe(change)
})

test('sums do not round', () => {
  expect(sumOf(['0.1', '0.2'])).toBe('0.3')
  expect(sumOf(Array.from({ length: 1000 }, () => '0.000001'))).toBe('0.001')
  expect(sumOf([])).toBe('0')
})
