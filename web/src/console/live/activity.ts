/** Hands what happens to whoever must know of it, as it arrives; and says when something may have been missed. */
import { onScopeDispose } from 'vue'
import type { Activity } from '../api/types'

interface Listener {
  happened?(event: Activity): void
  /** The stream begins again: what happened while it was away is unknown. */
  missed(): void
}

const listeners = new Set<Listener>()

/** Until the scope that asks is disposed of. */
export function onActivity(listener: Listener): void {
  listeners.add(listener)
  onScopeDispose(() => listeners.delete(listener))
}

export function tellActivity(event: Activity): void {
  for (const listener of listeners) listener.happened?.(event)
}

export function tellMissed(): void {
  for (const listener of listeners) listener.missed()
}

/** Whom of the users an event changed; signing in changes nobody. */
export function changedUser({ kind, data }: Activity): string | undefined {
  const id = data?.['user']
  return kind.startsWith('user.') && !kind.startsWith('user.log') && typeof id === 'string' ? id : undefined
}
