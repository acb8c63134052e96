import { expect, test } from 'vitest'
import { daysLeft, standing } from './lasting'

test.each([
  ['70', '300', 7, 'fine'],
  ['69.999999', '300', 6, 'low'],
  ['0.000001', '0.000001', 30, 'fine'],
  ['0', '300', 0, 'empty'],
  ['-2', '300', 0, 'empty'],
  ['0.5', '0', undefined, 'fine'],
  ['0', '0', undefined, 'empty'],
] as const)('%s after %s in 30 days lasts for %s days: %s', (balance, spent, days, state) => {
  expect(daysLeft(balance, spent)).toBe(days)
  expect(standing(balance, spent)).toBe(state)
})
