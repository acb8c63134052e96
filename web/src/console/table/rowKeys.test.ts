import { expect, test } from 'vitest'
import { rowAfter } from './rowKeys'

test.each([
  ['ArrowDown', 4, 5],
  ['ArrowDown', 99, 99],
  ['ArrowUp', 0, 0],
  ['PageDown', 95, 99],
  ['PageUp', 12, 2],
  ['Home', 50, 0],
  ['End', 50, 99],
  ['Enter', 50, undefined],
])('%s from row %d of 100 leads to %s', (key, at, to) => expect(rowAfter(key, at, 100, 10)).toBe(to))
