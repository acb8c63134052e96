/** Which users the list shows, and in what order. Pure. */
import type { User, UserStatus } from '../api/users'

export const SORT_KEYS = ['status', 'id', 'has_password', 'created_at', 'updated_at'] as const
export type SortKey = (typeof SORT_KEYS)[number]

export interface Selection {
  text: string
  status: UserStatus | ''
  sort: SortKey
  descending: boolean
}

export function select(users: User[], { text, status, sort, descending }: Selection): User[] {
  const words = text.trim().toLowerCase()
  const shown = users.filter(
    (user) =>
      (!status || user.status === status) &&
      (!words || user.id.toLowerCase().includes(words) || user.name.toLowerCase().includes(words)),
  )
  const direction = descending ? -1 : 1
  return shown.sort((a, b) => order(a[sort], b[sort]) * direction || order(a.id, b.id))
}

function order(a: string | boolean, b: string | boolean): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
