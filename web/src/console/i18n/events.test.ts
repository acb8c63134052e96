import { expect, test } from 'vitest'
import type { Activity } from '../api/types'
import { eventWords } from './events'

const event = (kind: string, data?: Record<string, unknown>): Activity => ({
  id: 1,
  at: '2026-01-02T03:04:05Z',
  kind,
  instance: null,
  actor: 'admin',
  message: 'as the server said it',
  ...(data && { data }),
})

test.each([
  [
    'instance.running',
    { port: 18789, pid: 42 },
    'is ready on port 18789, process 42',
    '已就绪，端口 18789，进程 42',
  ],
  ['instance.start', { status: 'running', port: 18789 }, 'runs on port 18789', '运行在端口 18789'],
  [
    'instance.start',
    { status: 'running', url: 'https://a.up.railway.app' },
    'runs at https://a.up.railway.app',
    '运行于 https://a.up.railway.app',
  ],
  [
    'instance.running',
    { url: 'https://a.up.railway.app' },
    'is ready at https://a.up.railway.app',
    '已就绪，地址 https://a.up.railway.app',
  ],
  ['instance.remove', { purge: true }, 'removed with its data', '已移除，数据一并删除'],
  [
    'instance.crashed',
    { code: 1 },
    'exited with code 1; starting it again',
    '已退出，退出码 1，正在重新启动',
  ],
  ['instance.stopped', { signal: 15 }, 'was ended by signal 15', '被信号 15 终止'],
  [
    'llm.key',
    { name: 'sk-creel-ab', done: 'revoked' },
    'virtual key sk-creel-ab was revoked',
    '虚拟密钥 sk-creel-ab 已作废',
  ],
  ['llm.currency', { name: 'CNY', done: 'set' }, 'currency CNY was set', '货币 CNY 已设定'],
  ['credits.given', { user: 'alice', credits: '2.5' }, '2.5 credits for alice', '给 alice 发放 2.5 积分'],
  ['user.token', { user: 'alice' }, 'user alice has a new gateway token', '用户 alice 已换新网关令牌'],
  ['user.imported', { users: 12 }, '12 users imported', '已导入 12 个用户'],
  ['login', { address: '127.0.0.1' }, 'signed in from 127.0.0.1', '从 127.0.0.1 登录'],
])('%s is said in both languages', (kind, data, en, zh) => {
  expect(eventWords(event(kind, data), 'en')).toBe(en)
  expect(eventWords(event(kind, data), 'zh')).toBe(zh)
})

test.each([
  ['instance.running', {}],
  ['instance.start', undefined],
  ['instance.remove', undefined],
  ['brand.new', {}],
])('%s without what it needs is said as the server said it', (kind, data) =>
  expect(eventWords(event(kind, data), 'zh')).toBe('as the server said it'),
)
