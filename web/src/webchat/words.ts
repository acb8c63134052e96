/** Every word of the page, in both languages. */
import { computed } from 'vue'
import type { ChatLabels } from '@/shared/chat/labels'
import { chatWords, type ChatPageWords } from '@/shared/chat/words'
import { locale } from '@/shared/locale'

interface Words extends ChatPageWords {
  chat: ChatLabels
  title: string
  openSessions: string
  closeSessions: string
  signOut: string
  tokenTitle: string
  tokenHint: string
  tokenLabel: string
  tokenRemember: string
  tokenWrong: string
  enter: string
  unreachable: string
  wait(seconds: number): string
}

const en: Words = {
  ...chatWords.en,
  chat: { ...chatWords.en.chat, emptyHint: 'Your conversation stays in your own instance.' },
  title: 'Chat',
  openSessions: 'Open sessions',
  closeSessions: 'Close sessions',
  signOut: 'Forget the token',
  tokenTitle: 'Open your instance',
  tokenHint: 'Enter the token you were given with it. Whoever runs Creel can make a new one.',
  tokenLabel: 'Token',
  tokenRemember: 'Remember it on this device',
  tokenWrong: 'This instance does not accept that token.',
  enter: 'Open',
  unreachable: 'The instance cannot be reached. It may be stopped, or the network is down.',
  wait: (seconds) => `Too many requests. Try again in ${seconds} s.`,
}

const zh: Words = {
  ...chatWords.zh,
  chat: { ...chatWords.zh.chat, emptyHint: '对话只保存在你自己的实例里。' },
  title: '对话',
  openSessions: '打开会话列表',
  closeSessions: '关闭会话列表',
  signOut: '忘记令牌',
  tokenTitle: '打开你的实例',
  tokenHint: '输入随实例交给你的令牌。Creel 的管理员可以重新生成。',
  tokenLabel: '令牌',
  tokenRemember: '在此设备上记住',
  tokenWrong: '该实例不接受这个令牌。',
  enter: '打开',
  unreachable: '无法连接到实例：它可能已停止，或网络中断。',
  wait: (seconds) => `请求过于频繁，请在 ${seconds} 秒后重试。`,
}

export const words = computed(() => (locale.value === 'zh' ? zh : en))
