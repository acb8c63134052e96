/** What the host can do, in the reader's language. English is the server's own; a fact without Chinese words is shown as it came. Pure. */
import type { Locale } from '@/shared/locale'
import type { SystemStatus } from '../api/types'

export interface Fact {
  name: string
  good: boolean
  detail: string
}

interface Words {
  name: string
  yes: string
  no: string
}

const ENGLISH_NAMES: Record<string, string> = {
  provider: 'Model provider',
  docker: 'Docker',
  landlock: 'Landlock',
  mounts: 'Private /tmp',
  memory: 'Memory limits',
  cpu: 'CPU limits',
  pids: 'Process limits',
}

const NO_CGROUP = '没有可写的 cgroup，无法设置该限制'
const CHINESE: Record<string, Words> = {
  docker: { name: 'Docker', yes: '引擎正在监听', no: '没有可用的引擎' },
  landlock: {
    name: 'Landlock',
    yes: '实例只能访问自己的文件',
    no: '内核不支持，实例之间仅以文件权限隔离',
  },
  mounts: {
    name: '私有 /tmp',
    yes: '实例看不到其他程序留在 /run 和 /tmp 中的东西',
    no: '实例可能接触到其他程序留在 /run 和 /tmp 中的套接字',
  },
  memory: { name: '内存限制', yes: '有效', no: NO_CGROUP },
  cpu: { name: 'CPU 限制', yes: '有效', no: NO_CGROUP },
  pids: { name: '进程数限制', yes: '有效', no: NO_CGROUP },
}
const NO_PROVIDER =
  '没有配置供应商密钥，实例由内置的 demo 作答，它不是模型。请为 creel up 设置 OPENAI_API_KEY 或 ANTHROPIC_API_KEY，或在实例配置里填写 models.providers。'

/** What the host has or not, in Chinese; `undefined` of what has no words. */
export function featureWords(name: string, available: boolean): string | undefined {
  return available ? CHINESE[name]?.yes : CHINESE[name]?.no
}

export function facts({ provider, docker, features }: SystemStatus, locale: Locale): Fact[] {
  const all = [
    { name: 'provider', good: provider.configured, detail: provider.detail },
    { name: 'docker', good: docker.available, detail: docker.detail },
    ...features.map(({ name, available, detail }) => ({ name, good: available, detail })),
  ]
  if (locale === 'en') return all.map((fact) => ({ ...fact, name: ENGLISH_NAMES[fact.name] ?? fact.name }))
  return all.map((fact) => {
    if (fact.name === 'provider') {
      const detail = fact.good ? `实例获得这些供应商的密钥：${provider.names.join('、')}` : NO_PROVIDER
      return { ...fact, name: '模型供应商', detail }
    }
    const words = CHINESE[fact.name]
    return words ? { name: words.name, good: fact.good, detail: fact.good ? words.yes : words.no } : fact
  })
}
