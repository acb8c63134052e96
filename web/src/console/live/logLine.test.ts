import { expect, test } from 'vitest'
import { highlight, parseLine } from './logLine'

test.each([
  ['2026-01-02T03:04:05Z  WARN creel_gateway: slow', 'warn'],
  ['{"level":"ERROR","msg":"info about it"}', 'error'],
  ['plain text', undefined],
  [`${'x'.repeat(90)} error`, undefined],
])('the level of %s is %s', (text, level) => expect(parseLine(text, 0).level).toBe(level))

test('terminal colours are dropped', () => {
  expect(parseLine('\u001b[32m INFO\u001b[0m ready', 0)).toMatchObject({ text: ' INFO ready', level: 'info' })
})

test('a search finds every occurrence, whatever its case', () => {
  expect(highlight('Port port', 'port')).toEqual([
    { text: 'Port', hit: true },
    { text: ' ', hit: false },
    { text: 'port', hit: true },
  ])
  expect(highlight('none', '')).toEqual([{ text: 'none', hit: false }])
})
