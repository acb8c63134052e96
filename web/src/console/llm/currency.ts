/** Currencies as they are typed and named, and what a price in one of them comes to. Pure. */
import type { Amounts, Price } from '../api/llm'
import { isAmount } from './amount'

/** Three letters, as in ISO 4217; small ones are made capital when it is saved. */
export function isCode(text: string): boolean {
  return /^[A-Za-z]{3}$/.test(text.trim())
}

/** What one unit of a currency may be worth: more than nothing. */
export function isWorth(text: string): boolean {
  return isAmount(text) && /[1-9]/.test(text)
}

/** `人民币` for `CNY`; empty for a code that stands for none. */
export function currencyName(code: string, language: string): string {
  return new Intl.DisplayNames(language, { type: 'currency', fallback: 'none' }).of(code) ?? ''
}

/** What an amount comes to in credits, where that says more than the amount itself. */
export function inCredits(price: Price, amount: keyof Amounts): string | undefined {
  const printed = price[amount]
  if (price.currency === null || printed === null || printed === '0') return undefined
  return price.credits?.[amount] ?? undefined
}
