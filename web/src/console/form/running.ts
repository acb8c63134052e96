/** How an instance runs, as it is filled in: what becomes of it when it is idle, and how much it may take. Pure. */
import type { Idle } from '../api/types'
import { sizeOf } from './size'

export interface Running {
  idle: Idle['policy']
  minutes: string
  memory: string
  cpus: string
}

/** A week at the most. */
const MINUTES = { least: 1, most: 7 * 24 * 60 }

/** A field, as the backend names it, and the key of what is wrong with it. */
export function runningFaults(
  { idle, minutes, memory, cpus }: Running,
  channels: { type: string }[],
): Map<string, string> {
  const faults = new Map<string, string>()
  if (idle !== 'always' && isConnected(channels)) faults.set('idle', 'idleConnected')
  else if (idle !== 'always' && !isWhole(minutes, MINUTES.least, MINUTES.most))
    faults.set('idle', 'minutesBad')
  if (memory.trim() && sizeOf(memory) === undefined) faults.set('memory_limit_bytes', 'memoryBad')
  if (cpus.trim() && !(Number(cpus) > 0)) faults.set('cpus', 'cpusBad')
  return faults
}

export function idleOf({ idle, minutes }: Running): Idle {
  return idle === 'always' ? { policy: idle } : { policy: idle, minutes: Number(minutes) }
}

/** Whether it holds a connection to a chat platform, which must not sleep: messages would be lost. */
function isConnected(channels: { type: string }[]): boolean {
  return channels.some(({ type }) => type !== 'webchat')
}

/** Whether the text is a whole number within these bounds. */
export function isWhole(text: string, least: number, most: number): boolean {
  const number = Number(text)
  return text.trim() !== '' && Number.isInteger(number) && number >= least && number <= most
}
