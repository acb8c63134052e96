/** Amounts of credits as they are typed: decimals with six digits after the point at most. Pure. */
const AMOUNT = /^\d{1,10}(\.\d{1,6})?$/

export function isAmount(text: string): boolean {
  return AMOUNT.test(text.trim())
}

/** What an optional field holds: `null` when it is empty. */
export function optional(text: string): string | null {
  return text.trim() || null
}
