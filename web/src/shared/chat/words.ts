/** What every page with a chat says in it and around it, in both languages. */
import type { Locale } from '../locale'
import type { ChatLabels } from './labels'
import type { SessionWords } from './SessionList.vue'

export interface ChatPageWords extends SessionWords {
  /** But for where the conversation stays, which differs. */
  chat: Omit<ChatLabels, 'emptyHint'>
  /** The answer ended early. */
  cut: string
  /** The buttons that change language and theme. */
  language: string
  theme: string
}

export const chatWords: Record<Locale, ChatPageWords> = {
  en: {
    chat: {
      placeholder: 'Write a message',
      send: 'Send',
      stop: 'Stop',
      copy: 'Copy',
      copied: 'Copied',
      thinking: 'Thinking',
      stopped: 'Stopped.',
      retry: 'Try again',
      latest: 'Latest',
      emptyTitle: 'What can I do for you?',
      tool: { running: 'running', done: 'done', failed: 'failed' },
    },
    sessions: 'Sessions',
    newSession: 'New session',
    noSessions: 'Your sessions will be listed here.',
    untitled: 'Untitled',
    remove: 'Delete session',
    removeSure: 'Delete',
    cancel: 'Keep',
    cut: 'The answer broke off before it was complete.',
    language: '切换到中文',
    theme: 'Light or dark',
  },
  zh: {
    chat: {
      placeholder: '输入消息',
      send: '发送',
      stop: '停止',
      copy: '复制',
      copied: '已复制',
      thinking: '正在思考',
      stopped: '已停止。',
      retry: '重试',
      latest: '回到最新',
      emptyTitle: '需要我做什么？',
      tool: { running: '运行中', done: '完成', failed: '失败' },
    },
    sessions: '会话',
    newSession: '新会话',
    noSessions: '你的会话会列在这里。',
    untitled: '未命名',
    remove: '删除会话',
    removeSure: '删除',
    cancel: '保留',
    cut: '回答在完成之前中断了。',
    language: 'EN: switch to English',
    theme: '浅色或深色',
  },
}
