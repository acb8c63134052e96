/** Calls, tokens and credits, added up by the backend. */
import { call } from './http'

export const USAGE_KINDS = ['user', 'model', 'instance', 'provider'] as const
export type UsageKind = (typeof USAGE_KINDS)[number]
export type UsageBy = UsageKind | 'day' | 'hour'

export interface UsageQuestion {
  by: UsageBy
  /** UTC days such as `2026-01-31`; `to` is not in it. */
  from: string
  to: string
  /** Of this user alone; empty: of all. */
  user: string
}

export interface UsageSum {
  /** Who or what, or the moment (RFC 3339) at which the day or hour began. */
  of: string
  calls: number
  /** Of the calls: did not end well. */
  failed: number
  prompt_tokens: number
  completion_tokens: number
  /** A decimal in text: exact. */
  credits: string
}

export function usagePath({ user, ...question }: UsageQuestion, format?: 'csv'): string {
  const query = new URLSearchParams({ ...question, ...(user && { user }), ...(format && { format }) })
  return `/api/usage?${query}`
}

export async function readUsage(question: UsageQuestion): Promise<UsageSum[]> {
  // Each sum has its name under the word that it was added up by.
  type Row = Omit<UsageSum, 'of'> & Partial<Record<UsageBy, string>>
  const { usage } = await call<{ usage: Row[] }>('GET', usagePath(question))
  return usage.map((row) => ({ ...row, of: row[question.by] ?? '' }))
}
