/** Credits over REST. */
import type { Account } from '@/shared/credits/account'
import { call, send } from './http'

export interface Gift {
  credits: string
  kind: 'grant' | 'top_up'
  expires_at?: string
  note?: string
}

const at = (user: string) => `/api/users/${encodeURIComponent(user)}/credits`

/** With so many entries, older than the one with the id `before`. */
export function readAccount(user: string, limit: number, before?: number): Promise<Account> {
  const query = new URLSearchParams({ limit: String(limit), ...(before && { before: String(before) }) })
  return call('GET', `${at(user)}?${query}`)
}

/** The most entries that one answer has; a table has all of them. */
export const MOST_ENTRIES = 1000
export const creditsCsv = (user: string) => `${at(user)}?format=csv`

/** Repeated with the same `once`, for instance after an answer that was lost, it gives nothing more. */
export async function giveCredits(user: string, gift: Gift, once: string): Promise<void> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': once }
  await send('POST', at(user), { headers, body: JSON.stringify(gift) })
}
