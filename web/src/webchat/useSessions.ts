/** The list of sessions, which of them is open, and the conversation in it. */
import { ref } from 'vue'
import { createConversation, type Transport } from '@/shared/chat/conversation'
import { Problem } from '@/shared/problem'
import { randomId } from '@/shared/random'
import { explain } from './explain'
import { chatStream, deleteSession, listSessions, readSession, type SessionInfo } from './gateway'
import { words } from './words'

export function useSessions(onUnauthorized: () => void) {
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
      else problem.value = explain(error)
      return false
    }
  }

  const refresh = () =>
    attempt(async () => {
      sessions.value = await listSessions()
    })

  const stream = chatStream(
    () => current.value,
    () => words.value.cut,
  )
  const transport: Transport = async (turn) => {
    try {
      await stream(turn)
    } catch (error) {
      if (turn.signal.aborted) throw error
      if (error instanceof Problem && error.status === 401) onUnauthorized()
      // A TurnFailed keeps its kind: it decides how a retry is sent.
      throw error instanceof Problem || error instanceof TypeError ? new Error(explain(error)) : error
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
      const messages = await readSession(id)
      current.value = id
      conversation.show(messages)
    })
  }

  function remove(id: string) {
    return attempt(async () => {
      await deleteSession(id)
      sessions.value = sessions.value.filter((session) => session.id !== id)
      if (current.value === id) begin()
    })
  }

  return { sessions, current, problem, conversation, refresh, begin, open, remove }
}
