/** What an instance can be made of: drivers, channels, images. */
import { call } from './http'
import type { Driver, Runtime } from './types'

export interface DriverInfo {
  driver: Driver
  available: boolean
  /** Why it is not available. */
  reason?: string
  /** What would make it available. */
  needs?: string
  version?: string
  runtimes: Runtime[]
}

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

export interface ImageInfo {
  runtime: Runtime
  image: string
  digest?: string
  /** On this host, so that a start need not fetch it. */
  present: boolean
}

export async function listDrivers(): Promise<DriverInfo[]> {
  return (await call<{ drivers: DriverInfo[] }>('GET', '/api/drivers')).drivers
}

export async function listChannels(): Promise<ChannelType[]> {
  return (await call<{ channels: ChannelType[] }>('GET', '/api/channels')).channels
}

export async function listImages(): Promise<ImageInfo[]> {
  return (await call<{ images: ImageInfo[] }>('GET', '/api/images')).images
}

export function setImage(runtime: Runtime, image: string): Promise<unknown> {
  return call('PUT', `/api/images/${runtime}`, { image })
}
