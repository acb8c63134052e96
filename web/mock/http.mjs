/** The few pieces of HTTP that the mock servers share, with the headers that the real ones send. */
import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'

const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; connect-src 'self' ws:"
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

export async function body(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

export function sendJson(response, status, value, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}

export function sendProblem(response, status, detail, more = {}) {
  const problem = { type: 'about:blank', title: 'Refused', status, detail, ...more }
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem))
}

/** Opens a stream of server-sent events and returns the function that sends one. */
export function startEvents(response) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(': hello\n\n')
  return (event, data) => {
    if (event) response.write(`event: ${event}\n`)
    response.write(`data: ${JSON.stringify(data)}\n\n`)
  }
}

/** A file of the build, or the page itself for an address that is no file (the console's own routes). */
export async function sendFile(response, page, pathname) {
  const root = join(import.meta.dirname, '../dist', page)
  const wanted = pathname === '/docs' ? '/docs.html' : pathname
  const path = join(root, normalize(extname(wanted) ? wanted : '/index.html'))
  try {
    const content = await readFile(path)
    response
      .writeHead(200, {
        'content-type': TYPES[extname(path)] ?? 'text/plain',
        'content-security-policy': POLICY,
      })
      .end(content)
  } catch {
    sendProblem(response, 404, 'There is no such file. Run `npm run build` first.')
  }
}
