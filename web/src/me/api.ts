/** The REST API for users themselves. The cookie is the browser's, the CSRF token is held here. */
import type { Account } from '@/shared/credits/account'
import { readCompletions } from '@/shared/chat/completions'
import { TurnFailed } from '@/shared/chat/conversation'
import { transcript, type StoredMessage } from '@/shared/chat/transcript'
import type { ChatServer, SessionInfo } from '@/shared/chat/useSessions'
import type { ConfigSource } from '@/shared/editor/useConfig'
import { locale } from '@/shared/locale'
import { Problem, problemOf } from '@/shared/problem'
import { say } from '@/shared/problemWords'
import { sumsOf, type UsageQuestion, type UsageRow, type UsageSum } from '@/shared/usage/sums'
import { words } from './words'

export interface Me {
  user: { id: string; name: string; has_password: boolean; created_at: string }
  csrf: string
  /** `reason`: a code, such as `not_running`. */
  chat: { available: boolean; reason?: string }
  /** Where programs of the user send their gateway token. */
  gateway_url: string | null
}

export interface Methods {
  password: boolean
  oidc: { name: string; start: string } | null
}

export interface KnownToken {
  name: string
  hint: string
  created_at: string
  expires_at: string | null
}

let csrf = ''
let onSignedOut = () => {}

/** What to do when the backend no longer knows this login. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler
}

async function send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  if (method !== 'GET') headers.set('x-csrf-token', csrf)
  const response = await fetch(path, { ...init, method, headers })
  if (!response.ok) throw await problemOf(response)
  return response
}

async function call<T>(method: string, path: string, body?: unknown, more: HeadersInit = {}): Promise<T> {
  const init: RequestInit = { headers: more }
  if (body !== undefined) {
    init.headers = { 'content-type': 'application/json', ...more }
    init.body = JSON.stringify(body)
  }
  const response = await send(method, path, init)
  return (response.status === 204 ? undefined : await response.json()) as T
}

/** The same, of somebody who is signed in: who no longer is, is led to the sign-in. */
async function mine<T>(method: string, path: string, body?: unknown, more: HeadersInit = {}): Promise<T> {
  return call<T>(method, path, body, more).catch(unlessSignedOut)
}

function unlessSignedOut(error: unknown): never {
  if (error instanceof Problem && error.status === 401) onSignedOut()
  throw error
}

/** The sentence to show for a failure. */
export function explain(error: unknown): string {
  if (!(error instanceof Problem)) {
    return error instanceof TypeError ? words.value.unreachable : String((error as Error).message ?? error)
  }
  if (error.isAway) return words.value.unreachable
  if (error.status === 429 && error.retryAfter !== undefined) return words.value.wait(error.retryAfter)
  return say(error, locale.value)
}

export const readMethods = () => call<Methods>('GET', '/api/auth/methods')

export async function readMe(): Promise<Me> {
  const me = await call<Me>('GET', '/api/me')
  csrf = me.csrf
  return me
}

export async function signIn(id: string, password: string): Promise<void> {
  csrf = (await call<{ csrf: string }>('POST', '/api/auth/login', { id, password, cookie: true })).csrf
}

export const signOut = (): Promise<void> => call('POST', '/api/auth/logout')

/** A wrong present password is a refusal here, not the end of the login. */
export async function setPassword(present: string | undefined, next: string): Promise<void> {
  const body = { ...(present !== undefined && { current: present }), new: next }
  csrf = (await call<{ csrf: string }>('POST', '/api/me/password', body)).csrf
}

export function usagePath(question: UsageQuestion, format?: 'csv'): string {
  return `/api/me/usage?${new URLSearchParams({ ...question, ...(format && { format }) })}`
}

export async function readUsage(question: UsageQuestion): Promise<UsageSum[]> {
  const { usage } = await mine<{ usage: UsageRow[] }>('GET', usagePath(question))
  return sumsOf(usage, question.by)
}

/** The most entries of one answer; a table has all of them. */
export const ENTRIES = 1000
export const creditsCsv = '/api/me/credits?format=csv'
export const readAccount = () => mine<Account>('GET', `/api/me/credits?limit=${ENTRIES}`)

export async function listTokens(): Promise<KnownToken[]> {
  return (await mine<{ tokens: KnownToken[] }>('GET', '/api/me/tokens')).tokens
}

/** Takes the place of the one of that name. `lastDay`, such as `2026-01-31`, is the last that it holds; empty: for ever. */
export async function makeToken(name: string, lastDay: string): Promise<string> {
  const body = { name, ...(lastDay && { expires_at: `${lastDay}T23:59:59Z` }) }
  return (await mine<{ token: string }>('POST', '/api/me/tokens', body)).token
}

export const dropToken = (name: string): Promise<void> =>
  mine('DELETE', `/api/me/tokens/${encodeURIComponent(name)}`)

export async function readIdentity(): Promise<string | null> {
  return (await mine<{ content: string | null }>('GET', '/api/me/identity')).content
}

/** `null`: the service's own applies. */
export async function writeIdentity(content: string | null): Promise<string | null> {
  return (await mine<{ content: string | null }>('PUT', '/api/me/identity', { content })).content
}

const etagOf = (response: Response) => response.headers.get('etag') ?? undefined

export const config: ConfigSource = {
  async read() {
    const response = await send('GET', '/api/me/config').catch(unlessSignedOut)
    const { content } = (await response.json()) as { content: string }
    return { content, etag: etagOf(response) }
  },
  async write({ content, etag }) {
    const response = await send('PUT', '/api/me/config', {
      headers: { 'content-type': 'application/json', ...(etag && { 'if-match': etag }) },
      body: JSON.stringify({ content }),
    }).catch(unlessSignedOut)
    const kept = (await response.json()) as { content: string }
    return { content: kept.content, etag: etagOf(response), warnings: [] }
  },
  explain,
}

const sessionAt = (id: string) => `/api/me/chat/sessions/${encodeURIComponent(id)}`

export const chat: ChatServer = {
  async list() {
    return (await mine<{ sessions: SessionInfo[] }>('GET', '/api/me/chat/sessions')).sessions
  },
  async read(id) {
    return transcript((await mine<{ messages: StoredMessage[] }>('GET', sessionAt(id))).messages)
  },
  remove: (id) => mine('DELETE', sessionAt(id)),
  stream: (session) => async (turn) => {
    const response = await send('POST', '/api/me/chat/completions', {
      headers: {
        'content-type': 'application/json',
        'x-openclaw-session-key': session(),
        'idempotency-key': turn.key,
      },
      body: JSON.stringify({
        model: 'openclaw',
        stream: true,
        messages: [{ role: 'user', content: turn.text }],
      }),
      signal: turn.signal,
    }).catch((error: unknown) => {
      // The answer is that it failed: asking again is a new turn.
      if (error instanceof Problem && error.status !== 401) throw new TurnFailed(explain(error))
      throw error
    })
    await readCompletions(response, turn, () => words.value.cut)
  },
  explain,
}
