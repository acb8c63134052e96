import { expect, test } from 'vitest'
import { withNewer } from './merged'

const merged = (read: number[], known: number[], most = 9) => withNewer(read, known, (row) => row, most)

test('a row that arrived while the list was read stays', () => {
  expect(merged([1, 2, 3], [2, 3, 4])).toEqual([1, 2, 3, 4])
})

test('a row that the list has no more, because its source began anew, does not stay for ever', () => {
  expect(merged([7, 8], [1, 2, 9])).toEqual([7, 8, 9])
})

test('of an empty list nothing is newer than all', () => {
  expect(merged([], [1])).toEqual([1])
})

test('the oldest make room', () => {
  expect(merged([1, 2, 3], [4], 2)).toEqual([3, 4])
})
