/**
 * Instances that only pretend: they have states, logs and samples, and announce changes, but run nothing except a small
 * gateway for each instance that was started here. A stand-in for the Cloud Backend while working on the console.
 */
import { EventEmitter } from 'node:events'
import { serveGateway } from './gateway.mjs'

const FIRST_PORT = 28789
const TEMPLATE = `{
  // OpenClaw gateway configuration
  gateway: {
    mode: "local",
    port: 18789,
  },
  // Agent configuration
  agents: {
    defaults: {
      model: "demo/echo",
    },
  },
  channels: {},
}
`
const MIB = 1024 * 1024
const PEOPLE = [
  'zhangsan',
  'lisi',
  'wangwu',
  'amelia',
  'noah',
  'olivia',
  'design',
  'support',
  'finance',
  'ops',
]

const token = () => `gt_${crypto.randomUUID().replaceAll('-', '')}`
const now = () => new Date().toISOString()

export class Fleet extends EventEmitter {
  #instances = new Map()
  #logs = new Map()
  #configs = new Map()
  #tokens = new Map()
  #gateways = new Map()
  #samples = []
  #activity = []
  #port = FIRST_PORT

  constructor(count) {
    super()
    for (let index = 0; index < count; index++) this.#seed(index)
    for (let age = 180; age > 0; age--) this.#samples.push(this.#hostSample(Date.now() - age * 5000))
    setInterval(() => this.#tick(), 2000).unref()
  }

  list = () => [...this.#instances.values()]
  get = (id) => this.#instances.get(id)
  logs = (id) => this.#logs.get(id) ?? []
  config = (id) => this.#configs.get(id)
  samples = () => this.#samples
  activity = (limit) => this.#activity.slice(0, limit)
  gatewayOf = (id) => ({ url: this.get(id).url, token: this.#tokens.get(id) })

  async create({ id, name, runtime = 'native', model, port, start = true }) {
    const instance = this.#record(id, name ?? id, runtime, model, port ?? this.#port++)
    this.#tokens.set(id, token())
    this.#note('instance.create', id, 'created, runtime native')
    this.emit('instance', instance)
    if (start) void this.start(id)
    return { instance, token: this.#tokens.get(id) }
  }

  async start(id) {
    const instance = this.#change(id, {
      status: 'starting',
      desired: 'running',
      message: 'waiting for /readyz',
      error: undefined,
    })
    this.log(id, `INFO gateway starting instance=${id} runtime=${instance.runtime}`)
    await new Promise((done) => setTimeout(done, 400))
    if (this.get(id)?.desired !== 'running') return this.get(id)
    const gateway = await serveGateway(
      instance.port,
      () => this.#tokens.get(id),
      (line) => this.log(id, line),
    )
    this.#gateways.set(id, gateway)
    this.log(id, `INFO listening on ${instance.url}`)
    this.#note('instance.start', id, 'running')
    return this.#change(id, {
      status: 'running',
      message: undefined,
      started_at: now(),
      pid: 4000 + Math.floor(Math.random() * 9000),
      cpu_percent: 0.3,
      memory_used_bytes: 3.4 * MIB,
    })
  }

  async stop(id) {
    this.#change(id, { status: 'stopping', desired: 'stopped' })
    this.log(id, 'INFO draining, then stopping')
    const gateway = this.#gateways.get(id)
    this.#gateways.delete(id)
    gateway?.closeAllConnections()
    await new Promise((done) => (gateway ? gateway.close(done) : done()))
    this.log(id, 'INFO stopped')
    this.#note('instance.stop', id, 'stopped')
    return this.#change(id, {
      status: 'stopped',
      pid: undefined,
      started_at: undefined,
      cpu_percent: undefined,
      memory_used_bytes: undefined,
    })
  }

  async restart(id) {
    await this.stop(id)
    return this.start(id)
  }

  async sleep(id) {
    return this.#change(id, {
      status: 'sleeping',
      desired: 'sleeping',
      cpu_percent: 0,
      memory_used_bytes: MIB,
    })
  }

  async wake(id) {
    return this.#change(id, { status: 'running', desired: 'running', memory_used_bytes: 3 * MIB })
  }

  change(id, fields) {
    return this.#change(id, fields)
  }

  async init(id) {
    this.log(id, 'INFO workspace prepared')
    return this.#change(id, {})
  }

  async remove(id, purge) {
    if (this.get(id).status === 'running') await this.stop(id)
    this.#instances.delete(id)
    this.#note('instance.remove', id, purge ? 'removed with its data' : 'removed, its data kept')
    this.emit('removed', { id })
  }

  rotate(id) {
    this.#tokens.set(id, token())
    this.#note('instance.rotate_token', id, 'new token; the old one is void')
    return this.#tokens.get(id)
  }

  setConfig(id, content) {
    this.#configs.set(id, content)
    this.log(id, 'INFO configuration applied')
    this.#note('instance.config', id, 'configuration changed')
  }

  log(id, text) {
    const line = `${now()} ${text}`
    const lines = this.logs(id)
    lines.push(line)
    this.#logs.set(id, lines)
    this.emit(`log:${id}`, [line])
  }

  stats() {
    return this.#samples.map(({ at }, index) => ({
      at,
      cpu_percent: 0.2 + Math.abs(Math.sin(index / 9)) * 1.4,
      memory_bytes: (3.1 + Math.sin(index / 31) * 0.3) * MIB,
    }))
  }

  #record(id, name, runtime, model, port) {
    const instance = {
      id,
      name,
      runtime,
      driver: 'process',
      status: 'created',
      idle: { policy: 'always' },
      desired: 'stopped',
      port,
      url: `http://127.0.0.1:${port}`,
      channels: [],
      model,
      version: runtime === 'native' ? '0.1.0' : '2026.9.6',
      created_at: now(),
      updated_at: now(),
    }
    this.#instances.set(id, instance)
    this.#configs.set(id, TEMPLATE)
    return instance
  }

  #seed(index) {
    const person = PEOPLE[index % PEOPLE.length]
    const id = index < PEOPLE.length ? person : `${person}-${index}`
    const runtime = index % 7 === 3 ? 'openclaw' : 'native'
    const instance = this.#record(
      id,
      id.replace(/^./, (first) => first.toUpperCase()),
      runtime,
      undefined,
      18789 + index,
    )
    const status = index % 23 === 5 ? 'error' : index % 9 === 4 ? 'stopped' : 'running'
    Object.assign(instance, { status, desired: status === 'stopped' ? 'stopped' : 'running' })
    if (status === 'running') {
      instance.started_at = new Date(Date.now() - 3600_000 * (1 + index * 1.7)).toISOString()
      instance.memory_used_bytes = (runtime === 'native' ? 2.5 + (index % 13) / 5 : 810 + (index % 17)) * MIB
      instance.cpu_percent = (index % 11) / 4
    }
    if (status === 'error') {
      instance.error =
        'exited with code 78 five times in 60 s; last log lines:\nERROR openclaw.json:12:5: expected `,` or `}`'
    }
    this.#tokens.set(id, token())
    this.#note('instance.create', id, 'created, runtime native')
    this.#logs.set(id, [])
    for (let line = 0; line < 40; line++) {
      this.logs(id).push(`${now()} INFO turn finished session=main request=${index}-${line} ms=${line * 3}`)
    }
  }

  #change(id, fields) {
    const instance = { ...this.get(id), ...fields, updated_at: now() }
    this.#instances.set(id, instance)
    this.emit('instance', instance)
    return instance
  }

  #note(kind, instance, message) {
    const event = { id: this.#activity.length + 1, at: now(), kind, instance, actor: 'admin', message }
    this.#activity.unshift(event)
    this.emit('activity', event)
  }

  #hostSample(at) {
    const wave = Math.sin(at / 60_000)
    return {
      at: new Date(at).toISOString(),
      cpu_percent: 34 + wave * 16 + Math.random() * 5,
      memory_bytes: (5200 + wave * 260) * MIB,
      instances_cpu_percent: 11 + wave * 6 + Math.random() * 2,
      instances_memory_bytes: (1800 + wave * 120) * MIB,
    }
  }

  #tick() {
    const sample = this.#hostSample(Date.now())
    this.#samples.push(sample)
    if (this.#samples.length > 720) this.#samples.shift()
    this.emit('sample', sample)
    for (const instance of this.list()) {
      if (instance.status !== 'running') continue
      const memory = instance.memory_used_bytes * (0.99 + Math.random() * 0.02)
      this.#change(instance.id, { cpu_percent: Math.random() * 2, memory_used_bytes: memory })
    }
  }
}
