/** What happened, in the reader's language: from an event's kind and what it carries. Pure. */
import type { Locale } from '@/shared/locale'
import type { Activity } from '../api/types'
import { conditionWords } from './conditions'

type Data = Record<string, unknown>
type Words = string | ((data: Data) => string | undefined)

/** `undefined` unless all of it is known: events of an older Creel carry nothing. */
function filled(data: Data, text: string): string | undefined {
  let whole = true
  const said = text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = data[name]
    if (typeof value !== 'string' && typeof value !== 'number') whole = false
    return String(value)
  })
  return whole ? said : undefined
}

interface Sayings {
  exited: string
  killed: string
  ended: string
  kept: string
  purged: string
  status: Record<string, string>
  /** What is done to a part of the LLM Gateway's setup. */
  done: Record<string, string>
  kinds: Record<string, Words>
}

function exit(say: Sayings, data: Data): string {
  if (typeof data['code'] === 'number') return filled(data, say.exited) ?? say.ended
  return filled(data, say.killed) ?? say.ended
}

function done(say: Sayings, data: Data, what: string): string | undefined {
  const verb = say.done[String(data['done'])]
  return verb && filled(data, `${what} {name} ${verb}`)
}

const en: Sayings = {
  exited: 'exited with code {code}',
  killed: 'was ended by signal {signal}',
  ended: 'ended',
  kept: 'removed, its data kept',
  purged: 'removed with its data',
  status: {
    running: 'runs on port {port}',
    elsewhere: 'runs at {url}',
    stopped: 'is stopped',
    starting: 'is starting',
    sleeping: 'sleeps',
  },
  done: {
    set: 'was set',
    removed: 'was removed',
    made: 'was made',
    changed: 'was changed',
    revoked: 'was revoked',
  },
  kinds: {
    'llm.provider': (data) => done(en, data, 'provider'),
    'llm.model': (data) => done(en, data, 'model'),
    'llm.price': (data) => done(en, data, 'price of'),
    'llm.currency': (data) => done(en, data, 'currency'),
    'llm.group': (data) => done(en, data, 'group'),
    'llm.key': (data) => done(en, data, 'virtual key'),
    'credits.given': '{credits} credits for {user}',
    'user.created': 'user {user} was made',
    'user.changed': 'user {user} was changed',
    'user.removed': 'user {user} was removed',
    'user.config': 'configuration of user {user} changed',
    'user.token': 'user {user} has a new gateway token',
    'user.token_revoked': 'the gateway token of user {user} was revoked',
    'user.login': 'user {user} signed in from {address}',
    'user.login_failed': 'failed sign-in of user {user} from {address}',
    'user.login_ended':
      'a refresh token of user {user} came a second time, from {address}; that login has ended',
    'user.logout': 'user {user} was signed out everywhere',
    'user.password': 'user {user} has a new password',
    'users.gateway': () => 'serves all users',
    'user.imported': '{users} users imported',
    login: 'signed in from {address}',
    login_failed: 'failed sign-in from {address}',
    'image.choose': 'new {runtime} instances are made from {image}',
    'instance.create': 'created, runtime {runtime}',
    'instance.rotate_token': () => 'has a new token; the old one is void',
    'instance.config': () => 'configuration changed',
    'instance.running': (data) =>
      filled(data, 'is ready on port {port}, process {pid}') ?? filled(data, 'is ready at {url}'),
    'instance.adopted': 'goes on as process {pid}',
    'instance.awake': () => 'goes on where it was',
    'instance.sync': () => 'configuration brought up to its template',
    'template.change': 'template {path} changed',
    'template.reset': 'template {path} is the built-in one again',
    'instance.moved': 'moved from port {from}, which another program took, to {to}',
    'instance.failed': 'failed: {reason}',
    'instance.stopped': (data) => exit(en, data),
    'instance.crashed': (data) => `${exit(en, data)}; starting it again`,
  },
}

const zh: Sayings = {
  exited: '已退出，退出码 {code}',
  killed: '被信号 {signal} 终止',
  ended: '已结束',
  kept: '已移除，数据保留',
  purged: '已移除，数据一并删除',
  status: {
    running: '运行在端口 {port}',
    elsewhere: '运行于 {url}',
    stopped: '已停止',
    starting: '正在启动',
    sleeping: '已休眠',
  },
  done: { set: '已设定', removed: '已移除', made: '已创建', changed: '已更改', revoked: '已作废' },
  kinds: {
    'llm.provider': (data) => done(zh, data, '供应商'),
    'llm.model': (data) => done(zh, data, '模型'),
    'llm.price': (data) => done(zh, data, '价格'),
    'llm.currency': (data) => done(zh, data, '货币'),
    'llm.group': (data) => done(zh, data, '分组'),
    'llm.key': (data) => done(zh, data, '虚拟密钥'),
    'credits.given': '给 {user} 发放 {credits} 积分',
    'user.created': '已创建用户 {user}',
    'user.changed': '已更改用户 {user}',
    'user.removed': '已移除用户 {user}',
    'user.config': '用户 {user} 的配置已更改',
    'user.token': '用户 {user} 已换新网关令牌',
    'user.token_revoked': '用户 {user} 的网关令牌已作废',
    'user.login': '用户 {user} 从 {address} 登录',
    'user.login_failed': '用户 {user} 从 {address} 登录失败',
    'user.login_ended': '用户 {user} 的刷新令牌被第二次使用（来自 {address}）；该登录已终止',
    'user.logout': '用户 {user} 已在所有设备上退出登录',
    'user.password': '用户 {user} 已更换密码',
    'users.gateway': () => '为所有用户提供服务',
    'user.imported': '已导入 {users} 个用户',
    login: '从 {address} 登录',
    login_failed: '从 {address} 登录失败',
    'image.choose': '新的 {runtime} 实例将由镜像 {image} 创建',
    'instance.create': '已创建，运行时 {runtime}',
    'instance.rotate_token': () => '已换新令牌，旧令牌作废',
    'instance.config': () => '配置已更改',
    'instance.running': (data) =>
      filled(data, '已就绪，端口 {port}，进程 {pid}') ?? filled(data, '已就绪，地址 {url}'),
    'instance.adopted': '由进程 {pid} 继续运行',
    'instance.awake': () => '从暂停处继续运行',
    'instance.asleep': ({ paged_out: out }) => (out === false ? '已休眠，但内存仍未移出' : '已休眠'),
    'instance.idle': ({ idle }) => idleWords(idle),
    'instance.change': () => '已更改设定',
    'instance.sync': () => '配置已与模板同步',
    'template.change': '模板 {path} 已更改',
    'template.reset': '模板 {path} 已恢复为内置版本',
    'instance.moved': '端口 {from} 被其他程序占用，已移到 {to}',
    'instance.failed': ({ reason }) =>
      typeof reason === 'string' ? `失败：${conditionWords(reason, 'zh')}` : undefined,
    'instance.stopped': (data) => exit(zh, data),
    'instance.crashed': (data) => `${exit(zh, data)}，正在重新启动`,
  },
}

/** Of `{"policy":"sleep","minutes":30}`. */
function idleWords(idle: unknown): string | undefined {
  const { minutes } = (idle ?? {}) as { minutes?: unknown }
  return typeof minutes === 'number' ? `已有 ${minutes} 分钟没有工作` : undefined
}

/** Actions tell the state that they led to. */
const ACTIONS = new Set(
  ['start', 'stop', 'restart', 'sleep', 'wake', 'init'].map((action) => `instance.${action}`),
)

export function eventWords({ kind, message, data = {} }: Activity, locale: Locale): string {
  const say = locale === 'zh' ? zh : en
  if (ACTIONS.has(kind)) {
    const status = data['status'] === 'running' && 'url' in data ? 'elsewhere' : String(data['status'])
    return filled(data, say.status[status] ?? '') || message
  }
  if (kind === 'instance.remove' && 'purge' in data) return data['purge'] === true ? say.purged : say.kept
  const words = say.kinds[kind]
  const said = typeof words === 'string' ? filled(data, words) : words?.(data)
  return said ?? message
}
