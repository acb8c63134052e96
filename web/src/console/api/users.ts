/** Users of gateways for many, over REST. */
import type { ConfigText, ConfigWarning } from '@/shared/editor/useConfig'
import { call, send } from './http'
import type { Status } from './types'

export type UserStatus = 'active' | 'disabled'

export interface User {
  id: string
  name: string
  status: UserStatus
  /** They can sign in themselves. */
  has_password: boolean
  created_at: string
  updated_at: string
}

/** What is known of a gateway token; the token itself is shown in the one answer that made it. */
export interface UserToken {
  /** Where there are several: what it is for. */
  name: string
  /** The beginning of its digest: tells it from others, and nothing of it. */
  hint: string
  created_at: string
  expires_at: string | null
}

export interface MadeToken {
  token: string
  expires_at: string | null
}

/** Which gateway serves all users. */
export interface UsersGateway {
  /** `null`: none, or one elsewhere, at `url`. */
  instance: string | null
  status: Status | null
  url: string | null
}

/** The most users that one answer has. */
export const PAGE = 1000

const at = (id: string) => `/api/users/${encodeURIComponent(id)}`

/** Users by id, those after `after`; `next` is what to ask on with. */
export function listUsers(search: string, after: string): Promise<{ users: User[]; next: string | null }> {
  const query = new URLSearchParams({
    limit: String(PAGE),
    ...(search && { search }),
    ...(after && { after }),
  })
  return call('GET', `/api/users?${query}`)
}

export function readUser(id: string): Promise<{ user: User; tokens: UserToken[] }> {
  return call('GET', at(id))
}

export async function createUser(wanted: { id: string; name: string; password?: string }): Promise<User> {
  return (await call<{ user: User }>('POST', '/api/users', wanted)).user
}

/** `password: null`: they sign in no more. */
export async function changeUser(
  id: string,
  change: { name?: string; status?: UserStatus; password?: string | null },
): Promise<User> {
  return (await call<{ user: User }>('PATCH', at(id), change)).user
}

export function removeUser(id: string): Promise<void> {
  return call('DELETE', at(id))
}

/** A table `id,name`. Says how many users it makes, or (with `dryRun`) would make. */
export async function importUsers(table: string, dryRun: boolean): Promise<number> {
  const init = { headers: { 'content-type': 'text/csv' }, body: table }
  const response = await send('POST', `/api/import/users?dry_run=${dryRun}`, init)
  return ((await response.json()) as { users: number }).users
}

/** Makes the user's gateway token; the one before is void. `lastDay` is such as `2026-01-31`, empty: for ever. */
export function makeToken(id: string, lastDay: string): Promise<MadeToken> {
  return call('POST', `${at(id)}/token`, lastDay ? { expires_at: `${lastDay}T23:59:59Z` } : {})
}

export function revokeTokens(id: string): Promise<void> {
  return call('DELETE', `${at(id)}/tokens`)
}

export async function readUserConfig(id: string): Promise<ConfigText> {
  const response = await send('GET', `${at(id)}/config`)
  const { content } = (await response.json()) as { content: string }
  return { content, etag: response.headers.get('etag') ?? undefined }
}

/** Answers the text that is kept: JSON, laid out, of the JSON5 that was written. */
export async function writeUserConfig(
  id: string,
  { content, etag }: ConfigText,
): Promise<ConfigText & { warnings: ConfigWarning[] }> {
  const response = await send('PUT', `${at(id)}/config`, {
    headers: { 'content-type': 'application/json', ...(etag && { 'if-match': etag }) },
    body: JSON.stringify({ content }),
  })
  const kept = (await response.json()) as { content: string }
  return { content: kept.content, etag: response.headers.get('etag') ?? undefined, warnings: [] }
}

/** `null`: the service's own identity applies. */
export async function readUserIdentity(id: string): Promise<string | null> {
  return (await call<{ content: string | null }>('GET', `${at(id)}/identity`)).content
}

export async function writeUserIdentity(id: string, content: string | null): Promise<string | null> {
  return (await call<{ content: string | null }>('PUT', `${at(id)}/identity`, { content })).content
}

/** Ends every login of the user. */
export function signOutUser(id: string): Promise<void> {
  return call('POST', `${at(id)}/logout`)
}

export function readUsersGateway(): Promise<UsersGateway> {
  return call('GET', '/api/system/users-gateway')
}

/** Makes an instance where there is none, and sees to it that it serves all users. */
export function makeUsersGateway(): Promise<UsersGateway> {
  return call('PUT', '/api/system/users-gateway', {})
}
