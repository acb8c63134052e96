/** A new instance as it is filled in: what is wrong with it, by field, and what is asked of the backend. Pure. */
import type { ChannelType } from '../api/catalogue'
import type { CreateInstance, Driver, Runtime } from '../api/types'
import { idleOf, isWhole, runningFaults, type Running } from '../form/running'
import { sizeOf } from '../form/size'
import { idFault } from './instanceId'

export const STEPS = ['basics', 'channels', 'running'] as const
export type Step = (typeof STEPS)[number]

export interface Draft extends Running {
  id: string
  name: string
  runtime: Runtime
  driver: Driver
  /** What is filled in for each channel, by its type. */
  channels: { type: string; config: Record<string, string> }[]
  model: string
  port: string
  image: string
  start: boolean
}

export function newDraft(): Draft {
  return {
    id: '',
    name: '',
    runtime: 'native',
    driver: 'process',
    channels: [],
    model: '',
    port: '',
    idle: 'always',
    minutes: '30',
    memory: '',
    cpus: '',
    image: '',
    start: true,
  }
}

/** A field, as the backend names it, such as `port` or `channels.feishu.appId`; and the key of what is wrong. */
export type Faults = Map<string, string>

/** Of an id it says in words of its own what is wrong (`idFault`). */
export function faultsOf(draft: Draft, types: ChannelType[], taken: (id: string) => boolean): Faults {
  const faults: Faults = new Map()
  const wrong = (field: string, is: boolean, words: string) => is && faults.set(field, words)
  const id = idFault(draft.id, taken)
  if (id) faults.set('id', id)
  wrong('port', !!draft.port.trim() && !isWhole(draft.port, 1, 65_535), 'portBad')
  for (const fault of runningFaults(draft, draft.channels)) faults.set(...fault)
  for (const { type, config } of draft.channels) {
    for (const { name, required } of types.find((one) => one.type === type)?.fields ?? [])
      wrong(`channels.${type}.${name}`, required && !config[name]?.trim(), 'fieldMissing')
  }
  return faults
}

/** Where a field is filled in. */
export function stepOf(field: string): Step {
  if (['id', 'name', 'runtime', 'driver'].includes(field)) return 'basics'
  return field.startsWith('channels') ? 'channels' : 'running'
}

/** Whether instances of this driver are made from an image. */
export const hasImage = (driver: string): boolean => driver !== 'process'

/** Whether they are of the backend's host, which then has a port for each, keeps their limits and sees whether they are idle. */
export const isHere = (driver: string): boolean => driver !== 'railway'

/** Of a draft without faults. What was left empty is left to the backend. */
export function requestOf(draft: Draft): CreateInstance {
  const text = (value: string) => value.trim() || undefined
  const filled = (config: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(config).flatMap(([name, value]) => (value.trim() ? [[name, value.trim()]] : [])),
    )
  const here = isHere(draft.driver)
  const wanted: Record<keyof CreateInstance, unknown> = {
    id: draft.id,
    name: text(draft.name),
    runtime: draft.runtime,
    driver: draft.driver,
    channels: draft.channels.length
      ? draft.channels.map(({ type, config }) => ({ type, config: filled(config) }))
      : undefined,
    model: text(draft.model),
    port: here && text(draft.port) ? Number(draft.port) : undefined,
    idle: here && draft.idle !== 'always' ? idleOf(draft) : undefined,
    memory_limit_bytes: here ? sizeOf(draft.memory) : undefined,
    cpus: here && text(draft.cpus) ? Number(draft.cpus) : undefined,
    version: undefined,
    image: hasImage(draft.driver) ? text(draft.image) : undefined,
    start: draft.start,
    keep_data: undefined,
  }
  return Object.fromEntries(
    Object.entries(wanted).filter(([, value]) => value !== undefined),
  ) as unknown as CreateInstance
}

/**
 * The field that a refusal is about, and what is wrong there, from the way in which the backend says it: `port: …`,
 * `channels: feishu: appSecret is missing; …`.
 */
export function refusedField(message: string, draft: Draft): [field: string, reason: string] | undefined {
  const [, field, reason] = /^([a-z_]+): (.+)$/s.exec(message) ?? []
  if (!field || !reason) return undefined
  if (field !== 'channels') return field in FIELDS ? [field, reason] : undefined
  const [, type, rest] = /^(\w+): (.+)$/s.exec(reason) ?? []
  const channel = draft.channels.find((one) => one.type === type)
  if (!channel || !rest) return [field, reason]
  const name = /^\w+/.exec(rest)?.[0] ?? ''
  return [name in channel.config ? `channels.${type}.${name}` : `channels.${type}`, rest]
}

const FIELDS = {
  id: 0,
  name: 0,
  runtime: 0,
  driver: 0,
  model: 0,
  port: 0,
  idle: 0,
  memory_limit_bytes: 0,
  cpus: 0,
  image: 0,
}
