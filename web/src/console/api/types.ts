/** The shapes of the REST API, as the Cloud Backend writes them: snake_case, times in RFC 3339 UTC. */
export type Runtime = 'native' | 'openclaw'
export type Driver = 'process' | 'docker' | 'kubernetes' | 'railway'
export type Status = 'created' | 'starting' | 'running' | 'sleeping' | 'stopping' | 'stopped' | 'error'

/** What becomes of an instance that has had no work for so many minutes. */
export interface Idle {
  policy: 'always' | 'sleep' | 'stop'
  minutes?: number
}

export interface Instance {
  id: string
  name: string
  runtime: Runtime
  driver: Driver
  status: Status
  desired: 'running' | 'stopped' | 'sleeping'
  /** None where it runs elsewhere. */
  port?: number
  /** None while it is not known: on Railway until it is deployed. */
  url?: string
  pid?: number
  /** Secrets stand as the names of what holds them. */
  channels: { type: string; config: object }[]
  idle: Idle
  /** How it differs from what is recorded of it, a line each. */
  drift?: string[]
  /** That its container runs, with its digest. */
  image?: string
  memory_limit_bytes?: number
  cpus?: number
  model?: string
  version: string
  created_at: string
  updated_at: string
  started_at?: string
  memory_used_bytes?: number
  cpu_percent?: number
  /** Why it is in state `error`, with the instance's own last log lines. */
  error?: string
  /** What it is doing while `starting`, such as installing OpenClaw. */
  message?: string
}

export interface CreateInstance {
  id: string
  name?: string
  runtime?: Runtime
  driver?: Driver
  channels?: { type: string; config: Record<string, string> }[]
  model?: string
  port?: number
  idle?: Idle
  memory_limit_bytes?: number
  cpus?: number
  version?: string
  image?: string
  start?: boolean
  keep_data?: boolean
}

export interface Sample {
  at: string
  cpu_percent: number
  memory_bytes: number
}

export interface HostSample extends Sample {
  instances_cpu_percent: number
  instances_memory_bytes: number
}

export interface Activity {
  /** Grows with every event. */
  id: number
  at: string
  kind: string
  instance: string | null
  actor: string
  /** In English. */
  message: string
  /** What the message is made of, such as `{"port": 18789}`. */
  data?: Record<string, unknown>
}

export interface Feature {
  name: string
  available: boolean
  detail: string
}

/** What a sentence says, whatever its words. */
export interface Sentence {
  code: string
  arguments?: Record<string, SentenceArgument>
}

export type SentenceArgument = string | number | null | Sentence | Sentence[]

/** Something that `creel doctor` looked at. */
export interface Finding {
  severity: 'error' | 'warning' | 'ok'
  /** What was looked at. */
  check: 'control_plane' | 'host' | 'hardening' | 'ports' | 'permissions' | 'drift' | 'versions' | 'disk'
  /** What it is about: an instance, a directory, the host. */
  subject: string
  /** In English. */
  what: string
  what_said: Sentence
  remedy?: string
  remedy_said?: Sentence
}

export interface SystemStatus {
  version: string
  uptime_seconds: number
  host: {
    hostname: string
    cpus: number
    memory_total_bytes: number
    memory_used_bytes: number
    disk_total_bytes: number
    disk_free_bytes: number
    load_1m: number
  }
  instances: {
    total: number
    running: number
    sleeping: number
    stopped: number
    error: number
    other: number
  }
  /** `detail`: its version, or why none answers. */
  docker: { available: boolean; version?: string; reason?: string; detail: string }
  features: Feature[]
  disk: { path: string; total_bytes: number; free_bytes: number }
  versions: { creel: string; openclaw: string; node?: string; docker?: string }
  swap_bytes: number
  cgroup: 'v1' | 'v2' | 'none'
  provider: { configured: boolean; names: string[]; detail: string }
  samples: HostSample[]
}
