/** The console's conversation with an instance, through the backend: a turn as OpenAI streams it, and what was said before. */
import { i18n } from '../i18n'
import { TurnFailed, type Message, type Transport } from '@/shared/chat/conversation'
import { locale } from '@/shared/locale'
import { say } from '@/shared/problemWords'
import { readEvents } from '@/shared/sse'
import { transcript, type StoredMessage } from '@/shared/chat/transcript'
import { call, reason, send } from './http'
import { pathOf } from './instances'

interface Chunk {
  choices?: {
    delta?: { content?: string | null; tool_calls?: { function?: { name?: string } }[] }
    finish_reason?: string | null
  }[]
  error?: { message: string; code?: string }
}

/**
 * `session` names the transcript in the instance. It remembers the conversation, so only the new message is sent.
 */
export function completions(id: string, session: () => string): Transport {
  return async (turn) => {
    const response = await send('POST', `${pathOf(id)}/chat/completions`, {
      headers: {
        'content-type': 'application/json',
        'x-openclaw-session-key': session(),
        'idempotency-key': turn.key,
      },
      body: JSON.stringify({
        model: 'openclaw',
        stream: true,
        messages: [{ role: 'user' satisfies Message['role'], content: turn.text }],
      }),
      signal: turn.signal,
    }).catch((error: unknown) => {
      if (turn.signal.aborted) throw error
      throw new TurnFailed(reason(error))
    })
    let finished = false
    for await (const { data } of readEvents(response.body as ReadableStream<Uint8Array>)) {
      if (data === '[DONE]') return
      const chunk = JSON.parse(data) as Chunk
      if (chunk.error) throw new TurnFailed(say(chunk.error, locale.value))
      for (const choice of chunk.choices ?? []) {
        if (choice.delta?.content) turn.delta(choice.delta.content)
        for (const call of choice.delta?.tool_calls ?? []) {
          if (call.function?.name) turn.tool({ name: call.function.name, status: 'done' })
        }
        if (choice.finish_reason) finished = true
      }
    }
    // Upstream closes some streams without [DONE]; a finish reason says that all of it arrived.
    if (!finished) throw new Error(i18n.global.t('chat.cut'))
  }
}

/** What was said in a session that the console began. */
export async function readTranscript(id: string, session: string): Promise<Message[]> {
  const path = `${pathOf(id)}/chat/sessions/${session}`
  return transcript((await call<{ messages: StoredMessage[] }>('GET', path)).messages)
}
