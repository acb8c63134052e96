/** A stored transcript as the messages of a conversation: tool results fold into the answer that asked for them. */
import { newMessage, type Message, type ToolUse } from './conversation'

export interface StoredMessage {
  role: 'user' | 'assistant' | 'tool'
  content: string
  tool_calls?: { id: string; name: string; arguments: string }[]
  /** Of a `tool` message: the call it answers, and whether it went wrong. */
  tool_call_id?: string
  is_error?: boolean
}

export function transcript(stored: StoredMessage[]): Message[] {
  const messages: Message[] = []
  const failed = new Set(stored.filter(({ is_error }) => is_error).map(({ tool_call_id }) => tool_call_id))
  for (const { role, content, tool_calls } of stored) {
    if (role === 'tool') continue
    const previous = messages.at(-1)
    const tools: ToolUse[] = (tool_calls ?? []).map((call) => ({
      name: call.name,
      status: failed.has(call.id) ? 'failed' : 'done',
      detail: call.arguments,
    }))
    // One turn may hold several model replies, with tool calls between them; the reader sees one answer.
    if (role === 'assistant' && previous?.role === 'assistant') {
      previous.tools.push(...tools)
      previous.text = [previous.text, content].filter(Boolean).join('\n\n')
    } else {
      messages.push({ ...newMessage(role, content), tools })
    }
  }
  return messages
}
