import { expect, test } from 'vitest'
import { byteScale, percentScale } from './plotOption'

const MIB = 1024 * 1024

test.each([
  [3.4 * MIB, 1 * MIB, 4 * MIB],
  [4 * MIB, 1 * MIB, 4 * MIB],
  [830 * MIB, 256 * MIB, 1024 * MIB],
  [0, 256, 256],
])('%d bytes are read in steps of %d up to %d', (highest, interval, max) => {
  expect(byteScale(highest)).toEqual({ interval, max })
})

test.each([
  [0, 1, 2],
  [0.4, 1, 2],
  [3.2, 1, 4],
  [7, 2, 8],
  [38, 10, 40],
  [180, 50, 200],
])('%d percent are read in steps of %d up to %d', (highest, interval, max) => {
  expect(percentScale(highest)).toEqual({ interval, max })
})
