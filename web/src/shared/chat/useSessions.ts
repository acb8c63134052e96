/** The list of sessions, which of them is open, and the conversation in it. Knows no server: a `ChatServer` does. */
import { ref } from 'vue'
import { Problem } from '@/shared/problem'
import { randomId } from '@/shared/random'
import { createConversation, type Message, type Transport } from './conversation'

export interface SessionInfo {
  id: string
  title: string
  updated_at: string | number
}

export interface ChatServer {
  list(): Promise<SessionInfo[]>
  read(id: string): Promise<Message[]>
  remove(id: string): Promise<void>
  /** Carries turns of the session that `session` names at the time of sending. */
  stream(session: () => string): Transport
  /** The sentence to show for a failure. */
  explain(error: unknown): string
}

export function useSessions(server: ChatServer, onUnauthorized: () => void) {
  const sessions = ref<SessionInfo[]>([])
  const current = ref(newId())
  const problem = ref('')

  // The id is made here, not by the gateway: a turn that is stopped half-way already belongs to its session.
  function newId(): string {
    return `web-${randomId()}`
  }

  /** Runs a request; a refused token leads to the gate, any other failure is shown above the composer. */
  async function attempt(work: () => Promise<void>): Promise<boolean> {
    problem.value = ''
    try {
      await work()
      return true
    } catch (error) {
      if (error instanceof Problem && error.status === 401) onUnauthorized()
      else problem.value = server.explain(error)
      return false
    }
  }

  const refresh = () =>
    attempt(async () => {
      sessions.value = await server.list()
    })

  const stream = server.stream(() => current.value)
  const transport: Transport = async (turn) => {
    try {
      await stream(turn)
    } catch (error) {
      if (turn.signal.aborted) throw error
      if (error instanceof Problem && error.status === 401) onUnauthorized()
      // A TurnFailed keeps its kind: it decides how a retry is sent.
      throw error instanceof Problem || error instanceof TypeError ? new Error(server.explain(error)) : error
    } finally {
      void refresh()
    }
  }
  const conversation = createConversation(transport)

  function begin() {
    current.value = newId()
    conversation.show([])
  }

  function open(id: string) {
    return attempt(async () => {
      const messages = await server.read(id)
      current.value = id
      conversation.show(messages)
    })
  }

  function remove(id: string) {
    return attempt(async () => {
      await server.remove(id)
      sessions.value = sessions.value.filter((session) => session.id !== id)
      if (current.value === id) begin()
    })
  }

  return { sessions, current, problem, conversation, refresh, begin, open, remove }
}
