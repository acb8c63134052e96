import { expect, test } from 'vitest'
import { bounds, isDay, lastDays, stepOf, steps } from './range'

const NOON = Date.parse('2026-03-01T12:00:00Z')

test('the last days have today in them, and the backend is told the day after', () => {
  const week = lastDays(7, NOON)
  expect(week).toEqual({ from: '2026-02-23', until: '2026-03-01' })
  expect(bounds(week)).toEqual({ from: '2026-02-23', to: '2026-03-02' })
  expect(lastDays(1, NOON)).toEqual({ from: '2026-03-01', until: '2026-03-01' })
})

test('a day is seen by the hour, more than two by the day', () => {
  const day = lastDays(1, NOON)
  expect(stepOf(day)).toBe('hour')
  expect(steps({ by: 'hour', ...bounds(day) })).toHaveLength(24)
  expect(stepOf(lastDays(3, NOON))).toBe('day')
  expect(steps({ by: 'day', ...bounds(lastDays(30, NOON)) })).toHaveLength(30)
})

test.each([
  ['2026-02-28', true],
  ['2026-02-30', false],
  ['yesterday', false],
  ['', false],
])('%j is a day: %s', (text, is) => {
  expect(isDay(text)).toBe(is)
})
