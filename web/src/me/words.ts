/** Every word of the page, in both languages. */
import { computed } from 'vue'
import type { ChatLabels } from '@/shared/chat/labels'
import { chatWords, type ChatPageWords } from '@/shared/chat/words'
import type { EntryKind } from '@/shared/credits/account'
import { MANY_DAYS } from '@/shared/credits/lasting'
import { locale } from '@/shared/locale'
import type { Measure } from '@/shared/usage/measure'
import type { Total } from '@/shared/usage/totals'
import type { Section } from './place'

interface Words extends ChatPageWords {
  chat: ChatLabels
  places: Record<Section, string>
  navigation: string
  signOut: string
  skip: string
  promise: string
  signInTitle: string
  id: string
  password: string
  signIn: string
  signInWith(name: string): string
  or: string
  wrong: string
  signInHint: string
  oidc: Record<string, string>
  unreachable: string
  wait(seconds: number): string
  retry: string
  partMissing: string
  reload: string
  save: string
  saved: string
  dirty: string
  revert: string
  copy: string
  copied: string
  balance: string
  held: string
  spent: string
  lasts: string
  days(days: number): string
  low: string
  empty: string
  last30: string
  show: string
  measures: Record<Measure, string>
  totals: Record<Total['key'] | 'ended', string>
  /** What it means that tokens were estimated. */
  estimatedWhy: string
  overTime: string
  byModel: string
  model: string
  noUsage: string
  csvOf(title: string): string
  csv: string
  balanceOverTime: string
  noHistory: string
  history: string
  when: string
  kind: string
  why: string
  kinds: Record<EntryKind, string>
  latest(count: number): string
  more: string
  until(time: string): string
  forever: string
  expired: string
  tokensTitle: string
  tokensAbout: string
  noTokens: string
  made(time: string): string
  tokenName: string
  tokenNameHint: string
  tokenNameBad: string
  lastDay: string
  lastDayHint: string
  make: string
  replace: string
  replaceSure(name: string): string
  replaceYes: string
  drop(name: string): string
  dropSure(name: string): string
  dropYes: string
  once: string
  use: string
  gateway: string
  noGateway: string
  identityTitle: string
  identityAbout: string
  identityNone: string
  identityLabel: string
  identityDrop: string
  identityLong: string
  identitySaved: string
  configAbout: string
  configSaved: string
  configLabel: string
  configRefused: string
  place(line: number, column: number): string
  conflict: string
  conflictTheirs: string
  conflictMine: string
  unchanged: string
  takeTheirs: string
  keepMine: string
  accountTitle: string
  name: string
  since: string
  passwordTitle: string
  passwordNone: string
  present: string
  next: string
  nextHint: string
  nextBad: string
  setPassword: string
  passwordSet: string
  presentWrong: string
  openSessions: string
  chatOff: Record<'no_gateway' | 'not_running', string>
}

const en: Words = {
  ...chatWords.en,
  chat: { ...chatWords.en.chat, emptyHint: 'Your conversations stay in your own workspace.' },
  places: {
    usage: 'Usage',
    chat: 'Chat',
    tokens: 'Tokens',
    identity: 'Identity',
    configuration: 'Configuration',
    account: 'Account',
  },
  navigation: 'Main',
  signOut: 'Sign out',
  skip: 'Skip to content',
  promise: 'Your own assistant: usage, tokens, identity, conversation.',
  signInTitle: 'Sign in',
  id: 'Id',
  password: 'Password',
  signIn: 'Sign in',
  signInWith: (name) => `Sign in with ${name}`,
  or: 'or',
  wrong: 'Wrong id or password.',
  signInHint: 'Whoever runs Creel gives you an id and a password.',
  oidc: {
    oidc_refused: 'That account may not sign in here. Ask whoever runs Creel.',
    oidc_failed: 'The sign-in could not be completed. Try again in a moment.',
    oidc_expired: 'The sign-in took too long. Begin again.',
  },
  unreachable: 'Creel cannot be reached. It may be restarting, or the network is down.',
  wait: (seconds) => `Too many attempts. Try again in ${seconds} s.`,
  retry: 'Try again',
  partMissing:
    'A part of this page did not come: Creel was upgraded while it was open, or is out of reach. What was not saved is lost when the page is loaded anew.',
  reload: 'Load anew',
  cancel: 'Cancel',
  save: 'Save',
  saved: 'Saved.',
  dirty: 'Unsaved changes',
  revert: 'Revert',
  copy: 'Copy',
  copied: 'Copied',
  balance: 'Balance',
  held: 'Held for calls that run',
  spent: 'Spent in 30 days',
  lasts: 'Lasts for about',
  days: (days) =>
    days === 0
      ? 'less than a day'
      : days === 1
        ? 'one day'
        : days > MANY_DAYS
          ? 'more than ten years'
          : `${days} days`,
  low: 'low',
  empty: 'none left',
  last30: 'Last 30 days',
  show: 'What is shown',
  measures: { credits: 'Credits', tokens: 'Tokens', calls: 'Calls' },
  totals: {
    credits: 'Credits',
    calls: 'Calls',
    failed: 'Failed',
    input: 'Input tokens',
    output: 'Output tokens',
    estimated: 'Estimated calls',
    ended: 'Ended well',
  },
  estimatedWhy: 'Of estimated calls the provider did not tell all tokens; they were counted here.',
  overTime: 'Over time',
  byModel: 'By model',
  model: 'Model',
  noUsage: 'You have used nothing in the last 30 days.',
  csvOf: (title) => `${title} as CSV`,
  csv: 'CSV',
  balanceOverTime: 'Balance over time',
  noHistory: 'No credits have come or gone.',
  history: 'History',
  when: 'When',
  kind: 'Kind',
  why: 'Note',
  kinds: {
    grant: 'Granted',
    top_up: 'Bought',
    charge: 'Call',
    expire: 'Expired',
    adjust: 'Correction',
  },
  latest: (count) => `the latest ${count}`,
  more: 'Show more',
  until: (time) => `until ${time}`,
  forever: 'does not expire',
  expired: 'expired',
  tokensTitle: 'Gateway tokens',
  tokensAbout:
    'Your programs and chat clients reach your assistant with a token. A token is shown when it is made and never again; a new one of the same name takes the place of the old.',
  noTokens: 'You have no token.',
  made: (time) => `made ${time}`,
  tokenName: 'Name',
  tokenNameHint: 'What it is for, such as laptop.',
  tokenNameBad: 'Small letters, digits and hyphens, 40 at most; not beginning with console.',
  lastDay: 'Last day',
  lastDayHint: 'Empty: it does not expire.',
  make: 'Make a token',
  replace: 'Replace the token',
  replaceSure: (name) => `Programs that use the present token “${name}” will be refused. Replace it?`,
  replaceYes: 'Replace',
  drop: (name) => `Revoke ${name}`,
  dropSure: (name) => `Programs that use “${name}” will be refused. Revoke it?`,
  dropYes: 'Revoke',
  once: 'This token is shown once. Copy it now.',
  use: 'How it is used',
  gateway: 'Address',
  noGateway: 'There is no gateway for users yet: ask whoever runs Creel where to connect.',
  identityTitle: 'Identity',
  identityAbout: 'Who your assistant is and how it speaks, in Markdown. It is read before each answer.',
  identityNone: 'The service’s own identity applies until you write one.',
  identityLabel: 'Identity',
  identityDrop: 'Use the service’s own',
  identityLong: 'At most 64 KiB.',
  identitySaved: 'Saved. It applies within a minute.',
  configAbout: 'Your openclaw.json, merged over the configuration of the gateway. Comments stay.',
  configSaved: 'Saved. It applies within a minute.',
  configLabel: 'Your openclaw.json',
  configRefused: 'Not saved. The configuration in use is unchanged.',
  place: (line, column) => `Line ${line}, column ${column}`,
  conflict:
    'It was changed elsewhere while you edited it. Nothing of yours has been saved yet, and nothing is lost.',
  conflictTheirs: 'Saved now',
  conflictMine: 'Yours',
  unchanged: '$ unchanged lines',
  takeTheirs: 'Drop mine, edit what is saved',
  keepMine: 'Keep mine, to save it over that',
  accountTitle: 'Account',
  name: 'Name',
  since: 'Since',
  passwordTitle: 'Password',
  passwordNone: 'You have none: you sign in elsewhere.',
  present: 'Present password',
  next: 'New password',
  nextHint: '8 characters or more. Everywhere else you are signed out.',
  nextBad: 'From 8 to 1024 characters.',
  setPassword: 'Set the password',
  passwordSet: 'The password is set. Everywhere else you are signed out.',
  presentWrong: 'The present password is wrong.',
  openSessions: 'Sessions',
  chatOff: {
    no_gateway: 'There is no gateway for users yet. Ask whoever runs Creel to make one.',
    not_running: 'The gateway is not running. Ask whoever runs Creel to start it.',
  },
}

const zh: Words = {
  ...chatWords.zh,
  chat: { ...chatWords.zh.chat, emptyHint: '对话只保存在你自己的工作区里。' },
  places: {
    usage: '用量',
    chat: '对话',
    tokens: '令牌',
    identity: '身份',
    configuration: '配置',
    account: '账户',
  },
  navigation: '主导航',
  signOut: '退出登录',
  skip: '跳到正文',
  promise: '你自己的助手：用量、令牌、身份与对话。',
  signInTitle: '登录',
  id: 'ID',
  password: '密码',
  signIn: '登录',
  signInWith: (name) => `用 ${name} 登录`,
  or: '或',
  wrong: 'ID 或密码有误。',
  signInHint: 'ID 和密码由 Creel 的管理员提供。',
  oidc: {
    oidc_refused: '这个账户不能在此登录，请联系 Creel 的管理员。',
    oidc_failed: '登录没有完成，请稍后重试。',
    oidc_expired: '登录用时过长，请重新开始。',
  },
  unreachable: '无法连接到 Creel：可能正在重启，或网络中断。',
  wait: (seconds) => `尝试过于频繁，请在 ${seconds} 秒后重试。`,
  retry: '重试',
  partMissing:
    '此页面的一部分没有加载成功：Creel 在它打开期间升级过，或暂时无法连接。重新加载后，未保存的内容会丢失。',
  reload: '重新加载',
  cancel: '取消',
  save: '保存',
  saved: '已保存。',
  dirty: '有未保存的改动',
  revert: '还原',
  copy: '复制',
  copied: '已复制',
  balance: '余额',
  held: '为进行中的调用预留',
  spent: '30 天消费',
  lasts: '大约还能用',
  days: (days) => (days === 0 ? '不到一天' : days > MANY_DAYS ? '十年以上' : `${days} 天`),
  low: '偏低',
  empty: '无余额',
  last30: '最近 30 天',
  show: '显示内容',
  measures: { credits: '积分', tokens: 'Token', calls: '调用' },
  totals: {
    credits: '积分',
    calls: '调用',
    failed: '失败',
    input: '输入 token',
    output: '输出 token',
    estimated: '估算的调用',
    ended: '正常结束',
  },
  estimatedWhy: '估算的调用：供应商没有给出全部 token 数，由 LLM 网关自行计数。',
  overTime: '随时间',
  byModel: '按模型',
  model: '模型',
  noUsage: '最近 30 天没有用量。',
  csvOf: (title) => `${title} CSV`,
  csv: 'CSV',
  balanceOverTime: '余额变化',
  noHistory: '还没有任何收支。',
  history: '流水',
  when: '时间',
  kind: '类型',
  why: '备注',
  kinds: { grant: '赠送', top_up: '充值', charge: '调用', expire: '过期', adjust: '更正' },
  latest: (count) => `最近 ${count} 条`,
  more: '显示更多',
  until: (time) => `有效至 ${time}`,
  forever: '永久有效',
  expired: '已过期',
  tokensTitle: '网关令牌',
  tokensAbout: '你的程序和聊天客户端用令牌连接你的助手。令牌只在生成时显示一次；同名的新令牌会取代旧的。',
  noTokens: '你还没有令牌。',
  made: (time) => `生成于 ${time}`,
  tokenName: '名称',
  tokenNameHint: '用途，例如 laptop。',
  tokenNameBad: '小写字母、数字和连字符，最多 40 个，不以 console 开头。',
  lastDay: '最后一天',
  lastDayHint: '留空则永久有效。',
  make: '生成令牌',
  replace: '更换令牌',
  replaceSure: (name) => `使用现有令牌“${name}”的程序会被拒绝。确定更换？`,
  replaceYes: '更换',
  drop: (name) => `作废 ${name}`,
  dropSure: (name) => `使用“${name}”的程序会被拒绝。确定作废？`,
  dropYes: '作废',
  once: '令牌只显示这一次，请立即复制。',
  use: '使用方法',
  gateway: '地址',
  noGateway: '还没有供用户使用的网关：请向 Creel 的管理员询问连接地址。',
  identityTitle: '身份',
  identityAbout: '你的助手是谁、如何说话，用 Markdown 书写。每次回答前都会读取。',
  identityNone: '在你写之前，使用服务自带的身份。',
  identityLabel: '身份',
  identityDrop: '使用服务自带的',
  identityLong: '最多 64 KiB。',
  identitySaved: '已保存，一分钟内生效。',
  configAbout: '你的 openclaw.json，合并到网关的配置之上。注释会保留。',
  configSaved: '已保存，一分钟内生效。',
  configLabel: '你的 openclaw.json',
  configRefused: '未保存，正在使用的配置没有改变。',
  place: (line, column) => `第 ${line} 行，第 ${column} 列`,
  conflict: '在你编辑期间，它已在别处被修改。你的更改还没有保存，也没有丢失。',
  conflictTheirs: '现已保存的',
  conflictMine: '你的',
  unchanged: '$ 行未变',
  takeTheirs: '放弃我的，编辑已保存的',
  keepMine: '保留我的，再保存以覆盖',
  accountTitle: '账户',
  name: '名称',
  since: '创建于',
  passwordTitle: '密码',
  passwordNone: '你没有密码：你在别处登录。',
  present: '当前密码',
  next: '新密码',
  nextHint: '至少 8 个字符。其他地方的登录都会退出。',
  nextBad: '8 到 1024 个字符。',
  setPassword: '设置密码',
  passwordSet: '密码已设置，其他地方的登录都已退出。',
  presentWrong: '当前密码有误。',
  openSessions: '会话',
  chatOff: {
    no_gateway: '还没有供用户使用的网关，请联系 Creel 的管理员创建。',
    not_running: '网关没有运行，请联系 Creel 的管理员启动。',
  },
}

export const words = computed(() => (locale.value === 'zh' ? zh : en))
