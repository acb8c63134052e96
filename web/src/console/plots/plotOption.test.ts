import { expect, test } from 'vitest'
import { byteScale } from './plotOption'

const MIB = 1024 * 1024

test.each([
  [3.4 * MIB, 1 * MIB, 4 * MIB],
  [4 * MIB, 1 * MIB, 4 * MIB],
  [830 * MIB, 256 * MIB, 1024 * MIB],
  [0, 256, 256],
])('%d bytes are read in steps of %d up to %d', (highest, interval, max) => {
  expect(byteScale(highest)).toEqual({ interval, max })
})
