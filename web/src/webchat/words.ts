/** Every word of the page, in both languages. */
import { computed } from 'vue'
import type { ChatLabels } from '@/shared/chat/labels'
import { locale } from '@/shared/locale'

interface Words {
  chat: ChatLabels
  title: string
  sessions: string
  newSession: string
  noSessions: string
  untitled: string
  remove: string
  removeSure: string
  cancel: string
  openSessions: string
  closeSessions: string
  language: string
  theme: string
  signOut: string
  tokenTitle: string
  tokenHint: string
  tokenLabel: string
  tokenRemember: string
  tokenWrong: string
  enter: string
  unreachable: string
  cut: string
  wait(seconds: number): string
}

const en: Words = {
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
    emptyHint: 'Your conversation stays in your own instance.',
    tool: { running: 'running', done: 'done', failed: 'failed' },
  },
  title: 'Chat',
  sessions: 'Sessions',
  newSession: 'New session',
  noSessions: 'Your sessions will be listed here.',
  untitled: 'Untitled',
  remove: 'Delete session',
  removeSure: 'Delete',
  cancel: 'Keep',
  openSessions: 'Open sessions',
  closeSessions: 'Close sessions',
  language: '切换到中文',
  theme: 'Light or dark',
  signOut: 'Forget the token',
  tokenTitle: 'Open your instance',
  tokenHint: 'Enter the token you were given with it. Whoever runs Creel can make a new one.',
  tokenLabel: 'Token',
  tokenRemember: 'Remember it on this device',
  tokenWrong: 'This instance does not accept that token.',
  enter: 'Open',
  unreachable: 'The instance cannot be reached. It may be stopped, or the network is down.',
  cut: 'The answer broke off before it was complete.',
  wait: (seconds) => `Too many requests. Try again in ${seconds} s.`,
}

const zh: Words = {
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
    emptyHint: '对话只保存在你自己的实例里。',
    tool: { running: '运行中', done: '完成', failed: '失败' },
  },
  title: '对话',
  sessions: '会话',
  newSession: '新会话',
  noSessions: '你的会话会列在这里。',
  untitled: '未命名',
  remove: '删除会话',
  removeSure: '删除',
  cancel: '保留',
  openSessions: '打开会话列表',
  closeSessions: '关闭会话列表',
  language: 'EN: switch to English',
  theme: '浅色或深色',
  signOut: '忘记令牌',
  tokenTitle: '打开你的实例',
  tokenHint: '输入随实例交给你的令牌。Creel 的管理员可以重新生成。',
  tokenLabel: '令牌',
  tokenRemember: '在此设备上记住',
  tokenWrong: '该实例不接受这个令牌。',
  enter: '打开',
  unreachable: '无法连接到实例：它可能已停止，或网络中断。',
  cut: '回答在完成之前中断了。',
  wait: (seconds) => `请求过于频繁，请在 ${seconds} 秒后重试。`,
}

export const words = computed(() => (locale.value === 'zh' ? zh : en))
