import { expect, test } from 'vitest'
import type { Price } from '../api/llm'
import { currencyName, inCredits, isCode, isWorth } from './currency'

test.each(['USD', 'cny', ' EUR '])('%j is a code', (text) => expect(isCode(text)).toBe(true))
test.each(['', 'US', 'USDT', 'U$D', 'U1D', 'ＵＳＤ'])('%j is no code', (text) =>
  expect(isCode(text)).toBe(false),
)

test.each(['1', '0.14', '0.000001'])('a unit may be worth %j', (text) => expect(isWorth(text)).toBe(true))
test.each(['', '0', '0.000000', '-1', '0.0000001'])('and not %j', (text) => expect(isWorth(text)).toBe(false))

test('a currency has a name in each language, and a code of none has none', () => {
  expect([currencyName('CNY', 'en'), currencyName('CNY', 'zh-CN')]).toEqual(['Chinese Yuan', '人民币'])
  expect(currencyName('QQQ', 'en')).toBe('')
})

const price: Price = {
  model: 'qwen-max',
  currency: 'CNY',
  input: '2.4',
  output: '9.6',
  cached_input: null,
  cache_write: null,
  call: '0',
  credits: { input: '0.336', output: '1.344', cached_input: null, cache_write: null, call: '0' },
}

test('a price in a currency says what it comes to', () => {
  expect([inCredits(price, 'input'), inCredits(price, 'output')]).toEqual(['0.336', '1.344'])
})
test('but nothing of what is not asked for, and of what is free', () => {
  expect([inCredits(price, 'cached_input'), inCredits(price, 'call')]).toEqual([undefined, undefined])
})
test('a price in credits says it once', () => {
  expect(inCredits({ ...price, currency: null }, 'input')).toBeUndefined()
})
test('a currency that is worth nothing known comes to nothing known', () => {
  expect(inCredits({ ...price, credits: null }, 'input')).toBeUndefined()
})
