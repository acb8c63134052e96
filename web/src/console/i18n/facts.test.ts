import { expect, test } from 'vitest'
import type { SystemStatus } from '../api/types'
import { facts } from './facts'

const status = {
  provider: { configured: true, names: ['openai', 'anthropic'], detail: 'keys of: openai, anthropic' },
  docker: { available: false, detail: '/var/run/docker.sock: No such file' },
  features: [{ name: 'brand-new', available: true, detail: 'as the server said it' }],
} as unknown as SystemStatus

test('English is what the server said', () => {
  expect(facts(status, 'en').map(({ name, detail }) => [name, detail])).toEqual([
    ['Model provider', 'keys of: openai, anthropic'],
    ['Docker', '/var/run/docker.sock: No such file'],
    ['brand-new', 'as the server said it'],
  ])
})

test('Chinese has words of its own, and keeps what it has none for', () => {
  expect(facts(status, 'zh').map(({ name, detail }) => [name, detail])).toEqual([
    ['模型供应商', '实例获得这些供应商的密钥：openai、anthropic'],
    ['Docker', '没有可用的引擎'],
    ['brand-new', 'as the server said it'],
  ])
})

test('each protection that a fleet knows has a name and Chinese words', () => {
  // The fleet's own names: crates/fleet/src/fleet/host.rs and driver/cgroup.rs.
  const names = ['landlock', 'mounts', 'memory', 'cpu', 'pids']
  for (const available of [true, false]) {
    const features = names.map((name) => ({ name, available, detail: 'as the server said it' }))
    const shown = (locale: 'en' | 'zh') => facts({ ...status, features }, locale).slice(2)
    expect(shown('en').filter(({ name }) => names.includes(name))).toEqual([])
    expect(shown('zh').filter(({ detail }) => detail === 'as the server said it')).toEqual([])
  }
})
