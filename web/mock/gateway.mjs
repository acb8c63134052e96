/** A pretended gateway: the paths that the webchat page uses, with a model that answers by itself. */
import { createServer } from 'node:http'
import { body, sendFile, sendJson, sendProblem, startEvents } from './http.mjs'

export function serveGateway(port, currentToken, log) {
  const sessions = new Map()
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://gateway')
    if (pathname === '/' || pathname.startsWith('/assets/')) return sendFile(response, 'webchat', pathname)
    if (request.headers.authorization !== `Bearer ${currentToken()}`) {
      return sendProblem(response, 401, 'This gateway needs its token.')
    }
    log(`INFO ${request.method} ${pathname}`)
    if (pathname === '/api/v1/chat/stream') return chat(sessions, response, JSON.parse(await body(request)))
    if (pathname === '/v1/chat/completions') return completions(response, JSON.parse(await body(request)))
    if (pathname === '/api/v1/sessions') {
      return sendJson(response, 200, { sessions: [...sessions.values()].reverse().map(({ info }) => info) })
    }
    const session = sessions.get(decodeURIComponent(pathname.split('/').at(-1)))
    if (!session) return sendProblem(response, 404, 'There is no such session.')
    if (request.method === 'DELETE') {
      sessions.delete(session.info.id)
      return response.writeHead(204).end()
    }
    return sendJson(response, 200, { ...session.info, messages: session.messages })
  })
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)))
}

const answerTo = (question) =>
  `I am the **demo** provider, no model. You wrote:\n\n${question}\n\nAdd a key to talk to a real one:\n\n\`\`\`bash\nexport OPENAI_API_KEY=sk-…\n\`\`\`\n`

async function* words(text, response) {
  for (const word of text.split(/(?<= )/)) {
    if (response.destroyed) return
    yield word
    await new Promise((done) => setTimeout(done, 12))
  }
}

async function chat(sessions, response, { message, session_id }) {
  const id = session_id ?? crypto.randomUUID()
  const at = new Date().toISOString()
  const session = sessions.get(id) ?? {
    info: { id, title: message.slice(0, 80), created_at: at, messages: 0 },
    messages: [],
  }
  sessions.delete(id)
  sessions.set(id, session)
  const reply = answerTo(message)
  const events = startEvents(response)
  if (message.includes('tool')) {
    events('tool', { name: 'memory_search', status: 'running' })
    events('tool', { name: 'memory_search', status: 'done' })
  }
  for await (const text of words(reply, response)) events('delta', { text })
  session.messages.push({ role: 'user', content: message, at }, { role: 'assistant', content: reply, at })
  Object.assign(session.info, { updated_at: at, messages: session.messages.length })
  events('done', {
    session_id: id,
    reply,
    model: 'demo/echo',
    usage: { input_tokens: 12, output_tokens: 40 },
  })
  response.end()
}

async function completions(response, { messages }) {
  const events = startEvents(response)
  for await (const content of words(answerTo(messages.at(-1).content), response)) {
    events(undefined, { choices: [{ index: 0, delta: { content } }] })
  }
  response.end('data: [DONE]\n\n')
}
