/** A turn as OpenAI's `/v1/chat/completions` streams it. */
import { locale } from '@/shared/locale'
import { say } from '@/shared/problemWords'
import { readEvents } from '@/shared/sse'
import { TurnFailed, type Turn } from './conversation'

interface Chunk {
  choices?: {
    delta?: { content?: string | null; tool_calls?: { function?: { name?: string } }[] }
    finish_reason?: string | null
  }[]
  error?: { message: string; code?: string }
}

/** Hands on what arrives, until all of it has. `cut` is said of an answer that breaks off. */
export async function readCompletions(response: Response, turn: Turn, cut: () => string): Promise<void> {
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
  if (!finished) throw new Error(cut())
}
