/** What a user has to spend, and why. Amounts are decimals in text: exact, never through a floating-point number. */
export type EntryKind = 'grant' | 'top_up' | 'charge' | 'expire' | 'adjust'

/** A line of the ledger. */
export interface Entry {
  id: number
  kind: EntryKind
  /** What it changed the balance by. */
  credits: string
  /** The call that was charged. */
  request: string | null
  at: string
  note: string | null
}

/** Credits that were given and are not all spent. */
export interface Grant {
  id: number
  credits: string
  remaining: string
  expires_at: string | null
  at: string
}

export interface Account {
  user: string
  /** The sum of all entries. */
  balance: string
  /** Of it: set apart for calls that run. */
  held: string
  /** In the order in which they are spent. */
  grants: Grant[]
  /** Newest first. */
  entries: Entry[]
}
