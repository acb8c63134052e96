/** The words of the chat. The console and the webchat page translate in their own ways and hand the result down. */
import { inject, type InjectionKey, type Ref } from 'vue'

export interface ChatLabels {
  placeholder: string
  send: string
  stop: string
  copy: string
  copied: string
  thinking: string
  stopped: string
  retry: string
  latest: string
  emptyTitle: string
  emptyHint: string
  tool: Record<'running' | 'done' | 'failed', string>
}

export const chatLabelsKey: InjectionKey<Ref<ChatLabels>> = Symbol('chat labels')

export function useChatLabels(): Ref<ChatLabels> {
  const labels = inject(chatLabelsKey)
  if (!labels) throw new Error('a chat component needs chatLabelsKey provided above it')
  return labels
}
