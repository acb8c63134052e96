import { expect, test } from 'vitest'
import { ago, bytes, duration, percent } from './format'

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [3.4 * 1024 * 1024, '3.4 MiB'],
  [829 * 1024 * 1024, '829 MiB'],
  [25_276_514_304, '23.5 GiB'],
])('%d bytes are %s', (value, text) => expect(bytes(value)).toBe(text))

test('what is not known is a dash', () => {
  expect([bytes(undefined), percent(null), duration(Number.NaN)]).toEqual(['–', '–', '–'])
})

test.each([
  [0, '0%'],
  [0.25, '0.3%'],
  [9.94, '9.9%'],
  [187.6, '188%'],
])('%d percent is %s', (value, text) => expect(percent(value)).toBe(text))

test.each([
  [0, '0s'],
  [59, '59s'],
  [61, '1m 1s'],
  [3600, '1h'],
  [93_784, '1d 2h'],
])('%d seconds are %s', (value, text) => expect(duration(value)).toBe(text))

test('relative times speak the language', () => {
  const now = Date.parse('2026-01-02T12:00:00Z')
  expect(ago('2026-01-02T11:57:00Z', now, 'en')).toBe('3 minutes ago')
  expect(ago('2026-01-01T11:00:00Z', now, 'zh-CN')).toBe('昨天')
  expect(ago('2026-01-02T11:59:30Z', now, 'en')).toBe('now')
})
