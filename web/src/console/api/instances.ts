/** Instances over REST. */
import { call } from './http'
import type { ConfigWarning, CreateInstance, Instance, Sample } from './types'

export type Action = 'start' | 'stop' | 'restart' | 'init'

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

export async function readConfig(id: string): Promise<string> {
  return (await call<{ content: string }>('GET', `${pathOf(id)}/config`)).content
}

export function writeConfig(
  id: string,
  content: string,
): Promise<{ content: string; warnings: ConfigWarning[] }> {
  return call('PUT', `${pathOf(id)}/config`, { content })
}

export async function rotateToken(id: string): Promise<string> {
  return (await call<{ token: string }>('POST', `${pathOf(id)}/token`)).token
}

export async function readStats(id: string): Promise<Sample[]> {
  return (await call<{ samples: Sample[] }>('GET', `${pathOf(id)}/stats`)).samples
}
