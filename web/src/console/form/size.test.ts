import { expect, test } from 'vitest'
import { sizeOf, sizeText } from './size'

test.each([
  ['512m', 512 * 2 ** 20],
  ['512', 512 * 2 ** 20],
  ['1.5 GiB', 1.5 * 2 ** 30],
  ['2g', 2 ** 31],
  ['0', undefined],
  ['-1m', undefined],
  ['plenty', undefined],
  ['', undefined],
])('%s is %s bytes', (text, bytes) => expect(sizeOf(text)).toBe(bytes))

test('what is written is read again', () => {
  for (const text of ['512m', '2g', '1536m']) expect(sizeText(sizeOf(text))).toBe(text)
  expect(sizeText(null)).toBe('')
})
