/** Instances over REST. */
import type { ConfigText, ConfigWarning } from '@/shared/editor/useConfig'
import { call, send } from './http'
import type { ProblemBody } from '@/shared/problem'
import type { CreateInstance, Idle, Instance, Sample } from './types'

export type Action = 'start' | 'stop' | 'restart' | 'sleep' | 'wake' | 'init'
/** What can be done to many at once. */
export type BulkAction = Action | 'sync' | 'remove'

export function pathOf(id: string): string {
  return `/api/instances/${encodeURIComponent(id)}`
}

export async function listInstances(): Promise<Instance[]> {
  return (await call<{ instances: Instance[] }>('GET', '/api/instances')).instances
}

export function readInstance(id: string): Promise<Instance> {
  return call('GET', pathOf(id))
}

export function createInstance(wanted: CreateInstance): Promise<{ instance: Instance; token: string }> {
  return call('POST', '/api/instances', wanted)
}

/** Resolves once the instance is in the wanted state. */
export function actOn(id: string, action: Action): Promise<Instance> {
  return call('POST', `${pathOf(id)}/${action}`)
}

export function removeInstance(id: string, purge: boolean): Promise<void> {
  return call('DELETE', `${pathOf(id)}?purge=${purge}`)
}

/** Name and `idle` hold at once, limits from the next start on; null takes a limit away. */
export function changeInstance(
  id: string,
  change: { name?: string; idle?: Idle; memory_limit_bytes?: number | null; cpus?: number | null },
): Promise<Instance> {
  return call('PATCH', pathOf(id), change)
}

export interface BulkResult {
  id: string
  ok: boolean
  problem?: ProblemBody
}

/** Answers when all of it is done, for each what became of it. */
export async function actOnMany(action: BulkAction, ids: string[], purge?: boolean): Promise<BulkResult[]> {
  const asked = { action, ids, ...(purge !== undefined && { purge }) }
  return (await call<{ results: BulkResult[] }>('POST', '/api/bulk/instances', asked)).results
}

export async function readConfig(id: string): Promise<ConfigText> {
  const response = await send('GET', `${pathOf(id)}/config`)
  const { content } = (await response.json()) as { content: string }
  return { content, etag: etagOf(response) }
}

export async function writeConfig(
  id: string,
  { content, etag }: ConfigText,
): Promise<ConfigText & { warnings: ConfigWarning[] }> {
  const response = await send('PUT', `${pathOf(id)}/config`, {
    headers: { 'content-type': 'application/json', ...(etag && { 'if-match': etag }) },
    body: JSON.stringify({ content }),
  })
  const { warnings } = (await response.json()) as { warnings: ConfigWarning[] }
  return { content, etag: etagOf(response), warnings }
}

const etagOf = (response: Response) => response.headers.get('etag') ?? undefined

export async function rotateToken(id: string): Promise<string> {
  return (await call<{ token: string }>('POST', `${pathOf(id)}/token`)).token
}

/** `minutes`: as they were measured; `day`: one for every five minutes. */
export type Span = 'minutes' | 'day'

export async function readStats(id: string, span: Span): Promise<Sample[]> {
  return (await call<{ samples: Sample[] }>('GET', `${pathOf(id)}/stats?span=${span}`)).samples
}
