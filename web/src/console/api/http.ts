/** Requests to the Cloud Backend: the cookie is the browser's, the CSRF token is held here, a refusal becomes a `Problem`. */
import { locale } from '@/shared/locale'
import { say } from '@/shared/problemWords'
import { i18n } from '../i18n'
import { Problem, problemOf } from '@/shared/problem'

let csrf = ''
let onSignedOut = () => {}

export function setCsrf(token: string): void {
  csrf = token
}

/** What to do when the backend no longer knows this session. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler
}

export async function send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  if (method !== 'GET') headers.set('x-csrf-token', csrf)
  const response = await fetch(path, { ...init, method, headers }).catch((error: unknown) => {
    if (init.signal?.aborted) throw error
    throw new Problem(i18n.global.t('common.unreachable'), 0)
  })
  if (response.ok) return response
  const problem = await problemOf(response)
  if (problem.status === 401) onSignedOut()
  throw problem
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = {}
  if (body !== undefined) {
    init.headers = { 'content-type': 'application/json' }
    init.body = JSON.stringify(body)
  }
  const response = await send(method, path, init)
  return (response.status === 204 ? undefined : await response.json()) as T
}

/** The sentence to show for a failure. */
export function reason(error: unknown): string {
  if (error instanceof Problem && error.status === 429 && error.retryAfter !== undefined) {
    return i18n.global.t('common.wait', { seconds: error.retryAfter })
  }
  if (error instanceof Problem && error.isAway) return i18n.global.t('common.unreachable')
  if (error instanceof Problem) return say(error, locale.value)
  return error instanceof Error ? error.message : String(error)
}
