/** Calls, tokens and credits, as the backend adds them up. */
export const USAGE_KINDS = ['user', 'model', 'instance', 'provider'] as const
export type UsageKind = (typeof USAGE_KINDS)[number]
export type UsageBy = UsageKind | 'day' | 'hour'

export interface UsageQuestion {
  by: UsageBy
  /** UTC days such as `2026-01-31`; `to` is not in it. */
  from: string
  to: string
}

export interface UsageSum {
  /** Who or what, or the moment (RFC 3339) at which the day or hour began. */
  of: string
  calls: number
  /** Of the calls: did not end well. */
  failed: number
  /** Of the calls: not all of their tokens were told by the provider. */
  estimated: number
  prompt_tokens: number
  completion_tokens: number
  /** A decimal in text: exact. */
  credits: string
}

/** A sum as it comes: its name stands under the word that it was added up by. */
export type UsageRow = Omit<UsageSum, 'of'> & Partial<Record<UsageBy, string>>

export function sumsOf(rows: UsageRow[], by: UsageBy): UsageSum[] {
  return rows.map((row) => ({ ...row, of: row[by] ?? '' }))
}
