/**
 * The console's conversations with instances: one each, which outlives a change of tab and a reload of the page. The instance keeps the
 * transcript; the browser remembers only which session it was.
 */
import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { createConversation, type Conversation } from '@/shared/chat/conversation'
import { Problem } from '@/shared/problem'
import { randomId } from '@/shared/random'
import { completions, readTranscript } from '../api/chat'
import { reason } from '../api/http'

export interface Chat {
  conversation: Conversation
  /** What is known of the messages before this page was loaded. */
  past: 'unknown' | 'reading' | 'shown' | 'hidden'
  /** Why they could not be read. */
  problem: string
  /** Reads what was said before, once, when the instance runs. */
  recall(): Promise<void>
  /** Begins a new session in the instance; the old one stays there. */
  begin(): void
}

export const useChats = defineStore('chats', () => {
  const chats = new Map<string, Chat>()

  function open(id: string): Chat {
    const known = chats.get(id)
    if (known) return known
    const chat = newChat(id)
    chats.set(id, chat)
    return chat
  }

  return { open }
})

function newChat(id: string): Chat {
  const place = `creel.chat.${id}`
  const remembered = localStorage.getItem(place)
  let session = remembered ?? newSession()
  const conversation = createConversation(
    completions(id, () => {
      // Only now is there something to come back to.
      localStorage.setItem(place, session)
      return session
    }),
  )

  const chat: Chat = reactive({
    conversation,
    past: remembered ? 'unknown' : 'shown',
    problem: '',
    async recall() {
      if (chat.past !== 'unknown') return
      chat.past = 'reading'
      chat.problem = ''
      const asked = session
      try {
        const messages = await readTranscript(id, asked)
        // Somebody who could not wait has said something already, or has begun anew.
        if (session === asked && !conversation.messages.length) conversation.show(messages)
        chat.past = 'shown'
      } catch (error) {
        chat.past = pastOf(error)
        if (chat.past === 'unknown') chat.problem = reason(error)
      }
    },
    begin() {
      session = newSession()
      localStorage.removeItem(place)
      chat.past = 'shown'
      chat.problem = ''
      conversation.show([])
    },
  })
  return chat
}

function pastOf(error: unknown): Chat['past'] {
  if (!(error instanceof Problem)) return 'unknown'
  // Upstream keeps the conversation and goes on with it, but shows it to its own clients only.
  if (error.code === 'no_transcripts') return 'hidden'
  return error.status === 404 ? 'shown' : 'unknown'
}

function newSession(): string {
  return `console-${randomId()}`
}
