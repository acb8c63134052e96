/** The console's conversation with an instance, through the backend: a turn as OpenAI streams it, and what was said before. */
import { i18n } from '../i18n'
import { readCompletions } from '@/shared/chat/completions'
import { TurnFailed, type Message, type Transport } from '@/shared/chat/conversation'
import { transcript, type StoredMessage } from '@/shared/chat/transcript'
import { call, reason, send } from './http'
import { pathOf } from './instances'

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
    await readCompletions(response, turn, () => i18n.global.t('chat.cut'))
  }
}

/** What was said in a session that the console began. */
export async function readTranscript(id: string, session: string): Promise<Message[]> {
  const path = `${pathOf(id)}/chat/sessions/${session}`
  return transcript((await call<{ messages: StoredMessage[] }>('GET', path)).messages)
}
