import { expect, test } from 'vitest'
import { createOrder } from './ordered'

const list = (...entries: [string, string][]) => new Map(entries)

test('what is told while a list is under way is not undone by it', () => {
  const order = createOrder<string>()
  const reading = order.begin()
  order.told('a', 'running')
  order.told('b', undefined)
  expect(reading.done(list(['a', 'starting'], ['b', 'stopping'], ['c', 'stopped']))).toEqual(
    list(['a', 'running'], ['c', 'stopped']),
  )
})

test('what was told before a list was asked for is in it, or is over', () => {
  const order = createOrder<string>()
  order.told('a', 'starting')
  expect(order.begin().done(list(['a', 'running']))).toEqual(list(['a', 'running']))
})

test('of two lists the one asked for last wins, in whatever order they answer', () => {
  const order = createOrder<string>()
  const [first, second] = [order.begin(), order.begin()]
  expect(second.done(list(['a', 'new']))).toEqual(list(['a', 'new']))
  expect(first.done(list(['a', 'old']))).toBeUndefined()
})

test('a reading that failed keeps nothing', () => {
  const order = createOrder<string>()
  const [first, second] = [order.begin(), order.begin()]
  second.failed()
  expect(first.done(list(['a', 'only']))).toEqual(list(['a', 'only']))
})
