/** The REST API of the Cloud Backend as the console sees it, over a pretended fleet. */
import { createServer } from 'node:http'
import JSON5 from 'json5'
import { WebSocketServer } from 'ws'
import { body, sendFile, sendJson, sendProblem, startEvents } from './http.mjs'
import { channels, drivers, findings, images, synced, templates } from './catalogue.mjs'
import { openapi } from './openapi.mjs'

const USERNAME = 'admin'
const PASSWORD = 'creel'
const CSRF = 'mock-csrf'
const ID = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/
const LIFECYCLE = new Set(['start', 'stop', 'restart', 'sleep', 'wake', 'init'])

export function serveBackend(fleet, port) {
  const started = Date.now()
  const signedIn = (request) => request.headers.cookie?.includes('creel_mock=1')

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://backend')
    const route = `${request.method} ${url.pathname}`
    if (!url.pathname.startsWith('/api/')) return sendFile(response, 'console', url.pathname)
    if (route === 'POST /api/login') return login(response, JSON.parse(await body(request)))
    if (!signedIn(request)) return sendProblem(response, 401, 'Sign in first.')
    if (request.method !== 'GET' && request.headers['x-csrf-token'] !== CSRF) {
      return sendProblem(response, 403, 'The request lacks its CSRF token.')
    }
    switch (route) {
      case 'GET /api/session':
        return sendJson(response, 200, { username: USERNAME, csrf: CSRF })
      case 'POST /api/logout':
        return response.writeHead(204, { 'set-cookie': 'creel_mock=; Max-Age=0; Path=/' }).end()
      case 'GET /api/openapi.json':
        return sendJson(response, 200, openapi)
      case 'GET /api/system/status':
        return sendJson(response, 200, status(fleet, started))
      case 'GET /api/activity':
        return sendJson(response, 200, {
          events: fleet.activity(Number(url.searchParams.get('limit') ?? 50)),
        })
      case 'GET /api/drivers':
        return sendJson(response, 200, { drivers })
      case 'GET /api/channels':
        return sendJson(response, 200, { channels })
      case 'GET /api/images':
        return sendJson(response, 200, { images })
      case 'GET /api/doctor':
        return sendJson(response, 200, { findings })
      case 'GET /api/templates':
        return sendJson(response, 200, { templates: templates.list() })
      case 'POST /api/bulk/instances':
        return sendJson(response, 200, await bulk(fleet, JSON.parse(await body(request))))
      case 'GET /api/events':
        return events(fleet, response)
      case 'GET /api/instances':
        return sendJson(response, 200, { instances: fleet.list() })
      case 'POST /api/instances':
        return create(fleet, response, JSON.parse(await body(request)))
    }
    if (url.pathname.startsWith('/api/templates/')) return template(request, response, url.pathname.slice(15))
    const [, , , id, ...rest] = url.pathname.split('/')
    if (!fleet.get(id)) return sendProblem(response, 404, `There is no instance \`${id}\`.`)
    return instance(fleet, id, rest.join('/'), request, response, url)
  })

  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    const id = request.url.split('/')[3]
    if (!signedIn(request) || !fleet.get(id)) return socket.destroy()
    sockets.handleUpgrade(request, socket, head, (connection) => {
      connection.send(JSON.stringify({ lines: fleet.logs(id).slice(-500) }))
      const follow = (lines) => connection.send(JSON.stringify({ lines }))
      fleet.on(`log:${id}`, follow)
      connection.on('close', () => fleet.off(`log:${id}`, follow))
    })
  })
  fleet.setMaxListeners(100)
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)))
}

function login(response, { username, password }) {
  if (username !== USERNAME || password !== PASSWORD)
    return sendProblem(response, 401, 'Wrong username or password.')
  sendJson(
    response,
    200,
    { username, csrf: CSRF },
    { 'set-cookie': 'creel_mock=1; HttpOnly; SameSite=Strict; Path=/' },
  )
}

async function create(fleet, response, wanted) {
  if (!ID.test(wanted.id)) return sendProblem(response, 422, `\`${wanted.id}\` is no instance id.`)
  if (fleet.get(wanted.id)) return sendProblem(response, 409, `The id \`${wanted.id}\` is taken.`)
  sendJson(response, 201, await fleet.create(wanted))
}

async function template(request, response, path) {
  if (request.method === 'PUT') templates.write(path, JSON.parse(await body(request)).content)
  if (request.method === 'DELETE') templates.reset(path)
  sendJson(response, 200, templates.read(path))
}

async function bulk(fleet, { action, ids, purge }) {
  const results = ids.map(async (id) => {
    if (!fleet.get(id))
      return { id, ok: false, problem: { status: 404, code: 'not_found', detail: `no ${id}` } }
    if (action === 'remove') await fleet.remove(id, purge)
    else if (action === 'sync') fleet.setConfig(id, synced(fleet.config(id)))
    else await fleet[action](id)
    return { id, ok: true }
  })
  return { results: await Promise.all(results) }
}

async function instance(fleet, id, action, request, response, url) {
  const route = `${request.method} ${action}`
  if (request.method === 'POST' && LIFECYCLE.has(action))
    return sendJson(response, 200, await fleet[action](id))
  switch (route) {
    case 'GET ':
      return sendJson(response, 200, fleet.get(id))
    case 'DELETE ':
      await fleet.remove(id, url.searchParams.get('purge') === 'true')
      return response.writeHead(204).end()
    case 'GET logs':
      return sendJson(response, 200, { lines: fleet.logs(id).slice(-200) })
    case 'GET logs/download':
      return response
        .writeHead(200, {
          'content-type': 'text/plain',
          'content-disposition': `attachment; filename="${id}.log"`,
        })
        .end(fleet.logs(id).join('\n'))
    case 'PATCH ':
      return sendJson(response, 200, fleet.change(id, JSON.parse(await body(request))))
    case 'GET config/diff': {
      const content = synced(fleet.config(id))
      const changed = content !== fleet.config(id)
      return sendJson(response, 200, { changed, diff: changed ? `+${content.split('\n')[0]}` : '', content })
    }
    case 'POST config/sync':
      fleet.setConfig(id, synced(fleet.config(id)))
      return sendJson(response, 200, { changed: true, instance: fleet.get(id) })
    case 'GET config':
      return sendJson(response, 200, { content: fleet.config(id) })
    case 'PUT config':
      return configure(fleet, id, response, JSON.parse(await body(request)))
    case 'POST token':
      return sendJson(response, 200, { token: fleet.rotate(id) })
    case 'GET stats':
      return sendJson(response, 200, { samples: fleet.get(id).status === 'running' ? fleet.stats() : [] })
    case 'POST chat/completions':
      return proxy(fleet, id, request, response)
  }
  return sendProblem(response, 404, 'There is no such path.')
}

function configure(fleet, id, response, { content }) {
  try {
    JSON5.parse(content)
  } catch (error) {
    const { lineNumber: line, columnNumber: column } = error
    const detail = `openclaw.json:${line}:${column}: ${error.message.replace(/^JSON5: | at \d+:\d+$/g, '')}`
    return sendProblem(response, 422, detail, { line, column })
  }
  fleet.setConfig(id, content)
  const line = content.split('\n').findIndex((text) => text.includes('prot:')) + 1
  const warnings = line
    ? [{ line, column: 5, message: 'unknown key `gateway.prot`, did you mean `gateway.port`?' }]
    : []
  sendJson(response, 200, { content, warnings })
}

async function proxy(fleet, id, request, response) {
  const gateway = fleet.gatewayOf(id)
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.token}` },
    body: await body(request),
  }).catch(() => undefined)
  if (!answer) return sendProblem(response, 503, `The instance \`${id}\` is not running. Start it first.`)
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') })
  for await (const chunk of answer.body) response.write(chunk)
  response.end()
}

function events(fleet, response) {
  const send = startEvents(response)
  const listeners = ['instance', 'removed', 'activity', 'sample'].map((kind) => [
    kind,
    (data) => send(kind, data),
  ])
  for (const [kind, listener] of listeners) fleet.on(kind, listener)
  response.on('close', () => listeners.forEach(([kind, listener]) => fleet.off(kind, listener)))
}

function status(fleet, started) {
  const all = fleet.list()
  const count = (wanted) => all.filter((one) => one.status === wanted).length
  const [running, sleeping, stopped, error] = ['running', 'sleeping', 'stopped', 'error'].map(count)
  const sample = fleet.samples().at(-1)
  return {
    version: '0.1.0',
    uptime_seconds: Math.round((Date.now() - started) / 1000) + 93_784,
    host: {
      hostname: 'harbour-1',
      cpus: 8,
      memory_total_bytes: 16 * 1024 ** 3,
      memory_used_bytes: sample.memory_bytes,
      disk_total_bytes: 240 * 1024 ** 3,
      disk_free_bytes: 171 * 1024 ** 3,
      load_1m: 0.82,
    },
    instances: {
      total: all.length,
      running,
      sleeping,
      stopped,
      error,
      other: all.length - running - sleeping - stopped - error,
    },
    docker: { available: false, detail: 'no Docker socket at /var/run/docker.sock' },
    disk: { path: '/var/lib/creel', total_bytes: 240 * 1024 ** 3, free_bytes: 171 * 1024 ** 3 },
    swap_bytes: 4 * 1024 ** 3,
    cgroup: 'v2',
    versions: { creel: '0.1.0', openclaw: '2026.9.6' },
    features: [
      { name: 'cgroups', available: true, detail: 'v2, memory and cpu limits apply' },
      { name: 'landlock', available: true, detail: 'ABI 7' },
      { name: 'openclaw', available: false, detail: 'installed on first use' },
    ],
    provider: {
      configured: false,
      names: [],
      detail: 'No provider key: instances answer with the built-in demo provider.',
    },
    samples: fleet.samples(),
  }
}
