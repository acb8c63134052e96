/** The console's conversations with instances. They outlive a change of tab; reloading the page begins new ones. */
import { defineStore } from 'pinia'
import { reactive, ref } from 'vue'
import { createConversation, type Conversation } from '@/shared/chat/conversation'
import { randomId } from '@/shared/random'
import { completions } from '../api/chat'

export interface Chat {
  conversation: Conversation
  /** Begins a new session in the instance; the old one stays there. */
  begin(): void
}

export const useChats = defineStore('chats', () => {
  const chats = reactive(new Map<string, Chat>())

  function open(id: string): Chat {
    const known = chats.get(id)
    if (known) return known
    const session = ref(newSession())
    const conversation = createConversation(completions(id, () => session.value))
    const begin = () => {
      session.value = newSession()
      conversation.show([])
    }
    chats.set(id, { conversation, begin })
    return chats.get(id) as Chat
  }

  return { open }
})

function newSession(): string {
  return `console-${randomId()}`
}
