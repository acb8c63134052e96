/** What an instance can be made of: channels. */
import { call } from './http'
import type { Runtime } from './types'

export interface ChannelField {
  name: string
  required: boolean
  secret: boolean
  example: string
}

export interface ChannelType {
  type: string
  fields: ChannelField[]
  /** The runtimes that answer there. */
  runtimes: Runtime[]
  plugin?: { package: string; version: string }
}

export async function listChannels(): Promise<ChannelType[]> {
  return (await call<{ channels: ChannelType[] }>('GET', '/api/channels')).channels
}
