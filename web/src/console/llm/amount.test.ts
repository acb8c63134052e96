import { expect, test } from 'vitest'
import { isAmount, optional } from './amount'

test.each(['0', '2.5', '0.000001', ' 10 ', '1000000000'])('%j is an amount', (text) =>
  expect(isAmount(text)).toBe(true),
)
test.each(['', '-1', '1.', '.5', '1e3', '1.0000001', '1,5', '１'])('%j is none', (text) =>
  expect(isAmount(text)).toBe(false),
)
test('an empty field is nothing, not an empty text', () => {
  expect([optional('  '), optional(' 1 ')]).toEqual([null, '1'])
})
