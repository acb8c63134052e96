import { expect, test } from 'vitest'
import { windowOf } from './virtualRows'

test('draws what is in view and a margin', () => {
  expect(windowOf(4800, 480, 48, 1000)).toEqual({ first: 92, last: 118 })
})

test('stays inside the list at both ends', () => {
  expect(windowOf(0, 480, 48, 5)).toEqual({ first: 0, last: 5 })
  expect(windowOf(47_520, 480, 48, 1000)).toEqual({ first: 982, last: 1000 })
})

test('a list that shrank under the scroll position draws nothing beyond its end', () => {
  expect(windowOf(40_000, 480, 48, 10)).toEqual({ first: 10, last: 10 })
})
