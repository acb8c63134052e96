/** One conversation as the page shows it, and the turn that is running in it. Knows no server: a `Transport` does. */
import { reactive } from 'vue'
import { randomId } from '@/shared/random'

export interface ToolUse {
  name: string
  status: 'running' | 'done' | 'failed'
  detail?: string
}

export interface Message {
  key: string
  role: 'user' | 'assistant'
  text: string
  tools: ToolUse[]
  state: 'streaming' | 'done' | 'stopped' | 'failed'
  error?: string
}

export interface Turn {
  text: string
  /** Sent as `Idempotency-Key`: asking again with the same one gives the same answer, not a second turn. */
  key: string
  signal: AbortSignal
  delta(text: string): void
  tool(tool: ToolUse): void
}

/** Carries one turn to a gateway. Resolves when the answer is complete; rejects with an error whose message is for the user. */
export type Transport = (turn: Turn) => Promise<void>

/** The gateway answered, and the answer is that it failed: asking again is a new turn. */
export class TurnFailed extends Error {}

export interface Conversation {
  messages: Message[]
  busy: boolean
  send(text: string): Promise<void>
  retry(): Promise<void>
  stop(): void
  show(messages: Message[]): void
}

export function newMessage(role: Message['role'], text = '', state: Message['state'] = 'done'): Message {
  return { key: randomId(), role, text, tools: [], state }
}

/** A tool reports twice: its end replaces its beginning. */
export function noteTool(tools: ToolUse[], tool: ToolUse): void {
  const running = tools.find((known) => known.name === tool.name && known.status === 'running')
  if (running && tool.status !== 'running') Object.assign(running, tool)
  else tools.push(tool)
}

export function createConversation(transport: Transport): Conversation {
  let abort: AbortController | undefined
  let last = { text: '', key: '' }

  async function run(): Promise<void> {
    const own = new AbortController()
    abort = own
    conversation.messages.push(newMessage('assistant', '', 'streaming'))
    const answer = conversation.messages.at(-1) as Message
    conversation.busy = true
    try {
      await transport({
        ...last,
        signal: own.signal,
        delta: (text) => (answer.text += text),
        tool: (tool) => noteTool(answer.tools, tool),
      })
      answer.state = 'done'
    } catch (error) {
      if (own.signal.aborted) {
        answer.state = 'stopped'
      } else {
        answer.state = 'failed'
        answer.error = error instanceof Error ? error.message : String(error)
        if (error instanceof TurnFailed) last.key = randomId()
      }
    } finally {
      if (abort === own) {
        abort = undefined
        conversation.busy = false
      }
    }
  }

  const conversation: Conversation = reactive({
    messages: [],
    busy: false,
    async send(text: string) {
      if (conversation.busy || !text.trim()) return
      last = { text, key: randomId() }
      conversation.messages.push(newMessage('user', text))
      await run()
    },
    async retry() {
      if (conversation.busy || conversation.messages.at(-1)?.state !== 'failed') return
      conversation.messages.pop()
      await run()
    },
    stop() {
      abort?.abort()
    },
    show(messages: Message[]) {
      abort?.abort()
      abort = undefined
      conversation.busy = false
      conversation.messages = messages
    },
  })
  return conversation
}
