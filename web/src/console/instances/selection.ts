/** Which instances the list shows, and in what order. Pure. */
import type { Instance, Runtime, Status } from '../api/types'
import { platformNames } from '../create/platforms/words'

export type SortKey = 'status' | 'id' | 'runtime' | 'port' | 'cpu' | 'memory' | 'uptime'

export interface Selection {
  text: string
  status: Status | ''
  runtime: Runtime | ''
  sort: SortKey
  descending: boolean
}

/** Trouble first, then what moves, then what rests. */
const URGENCY: Status[] = ['error', 'starting', 'stopping', 'running', 'sleeping', 'created', 'stopped']

const VALUES: Record<SortKey, (instance: Instance) => string | number | undefined> = {
  status: (instance) => URGENCY.indexOf(instance.status),
  id: (instance) => instance.id,
  runtime: (instance) => instance.runtime,
  port: (instance) => instance.port,
  cpu: (instance) => instance.cpu_percent ?? undefined,
  memory: (instance) => instance.memory_used_bytes ?? undefined,
  // The one that started last has been up for the shortest time.
  uptime: (instance) => (instance.started_at ? -Date.parse(instance.started_at) : undefined),
}

export function matches(instance: Instance, { text, status, runtime }: Selection): boolean {
  if (status && instance.status !== status) return false
  if (runtime && instance.runtime !== runtime) return false
  const words = text.trim().toLowerCase()
  if (!words) return true
  const { id, name, port = '', model = '', driver, channels } = instance
  const platforms = channels.flatMap(({ type }) => [type, ...platformNames(type)])
  const fields = [id, name, String(port), model, driver, ...platforms]
  return fields.some((field) => field.toLowerCase().includes(words))
}

export function select(instances: Instance[], selection: Selection): Instance[] {
  const value = VALUES[selection.sort]
  const direction = selection.descending ? -1 : 1
  return instances
    .filter((instance) => matches(instance, selection))
    .sort((a, b) => order(value(a), value(b), direction) || order(a.id, b.id, 1))
}

/** What has no value comes last in either direction. */
function order(a: string | number | undefined, b: string | number | undefined, direction: number): number {
  if (a === b) return 0
  if (a === undefined) return 1
  if (b === undefined) return -1
  return a < b ? -direction : direction
}
