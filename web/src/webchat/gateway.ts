/** The gateway's API as this page uses it. Paths are relative, so that the page also works behind a path prefix. */
import type { Message, Transport } from '@/shared/chat/conversation'
import { TurnFailed } from '@/shared/chat/conversation'
import { transcript, type StoredMessage } from '@/shared/chat/transcript'
import { locale } from '@/shared/locale'
import { say } from '@/shared/problemWords'
import { Problem, problemOf } from '@/shared/problem'
import { readEvents } from '@/shared/sse'
import type { ChatServer, SessionInfo } from '@/shared/chat/useSessions'
import { explain } from './explain'
import { currentToken } from './token'
import { words } from './words'

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  const token = currentToken()
  if (token) headers.set('authorization', `Bearer ${token}`)
  const response = await fetch(new URL(path, document.baseURI), { ...init, headers })
  if (!response.ok) throw await problemOf(response)
  return response
}

async function listSessions(): Promise<SessionInfo[]> {
  const response = await request('api/v1/sessions')
  return ((await response.json()) as { sessions: SessionInfo[] }).sessions
}

async function readSession(id: string): Promise<Message[]> {
  const response = await request(`api/v1/sessions/${encodeURIComponent(id)}`)
  return transcript(((await response.json()) as { messages: StoredMessage[] }).messages)
}

async function deleteSession(id: string): Promise<void> {
  await request(`api/v1/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' })
}

interface ErrorEvent {
  code: string
  message: string
}

function chatStream(session: () => string): Transport {
  return async (turn) => {
    const response = await request('api/v1/chat/stream', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': turn.key },
      body: JSON.stringify({ message: turn.text, session_id: session() }),
      signal: turn.signal,
    })
    let text = ''
    for await (const { event, data } of readEvents(response.body as ReadableStream<Uint8Array>)) {
      if (event === 'delta') {
        const delta = (JSON.parse(data) as { text: string }).text
        text += delta
        turn.delta(delta)
      } else if (event === 'tool') {
        turn.tool(JSON.parse(data))
      } else if (event === 'done') {
        // An answer repeated for a known Idempotency-Key may come whole, without deltas.
        const { reply } = JSON.parse(data) as { reply: string }
        if (text === '' && reply) turn.delta(reply)
        return
      } else if (event === 'error') {
        throw new TurnFailed(say(JSON.parse(data) as ErrorEvent, locale.value))
      }
    }
    throw new Problem(words.value.cut, 0)
  }
}

export const gateway: ChatServer = {
  list: listSessions,
  read: readSession,
  remove: deleteSession,
  stream: chatStream,
  explain,
}
