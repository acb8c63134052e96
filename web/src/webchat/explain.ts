/** What a failed request means to the person at the page. */
import { Problem } from '@/shared/problem'
import { locale } from '@/shared/locale'
import { say } from '@/shared/problemWords'
import { words } from './words'

export function explain(error: unknown): string {
  if (!(error instanceof Problem) || error.isAway) return words.value.unreachable
  if (error.status === 429 && error.retryAfter !== undefined) return words.value.wait(error.retryAfter)
  return say(error, locale.value)
}
