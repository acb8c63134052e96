/** How long a balance lasts, if its user goes on as before. Pure. */
import { micros } from './credits'

/** What was spent is looked at over so many days. */
export const PACE_DAYS = 30
/** A balance that lasts for less than this many days is low. */
export const LOW_DAYS = 7
/** Ten years: how much longer than that a balance lasts, nobody wants to know. */
export const MANY_DAYS = 3653

/** Whole days; `undefined` where nothing was spent. */
export function daysLeft(balance: string, spent: string): number | undefined {
  const pace = micros(spent)
  if (pace <= 0n) return undefined
  const left = micros(balance)
  return left <= 0n ? 0 : Number((left * BigInt(PACE_DAYS)) / pace)
}

export function standing(balance: string, spent: string): 'fine' | 'low' | 'empty' {
  if (micros(balance) <= 0n) return 'empty'
  return (daysLeft(balance, spent) ?? Infinity) < LOW_DAYS ? 'low' : 'fine'
}
