import { expect, test } from 'vitest'
import type { Instance } from '../api/types'
import { select, type Selection } from './selection'

const everything: Selection = { text: '', status: '', runtime: '', sort: 'id', descending: false }

function instance(id: string, more: Partial<Instance> = {}): Instance {
  const times = { created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' }
  const base = {
    id,
    name: id,
    runtime: 'native',
    driver: 'process',
    status: 'running',
    desired: 'running',
    version: '',
    idle: { policy: 'always' },
  } as const
  return { ...base, ...times, port: 18789, url: '', channels: [], ...more }
}

const ids = (instances: Instance[], selection: Partial<Selection>) =>
  select(instances, { ...everything, ...selection }).map(({ id }) => id)

test('text is looked for in id, name, port, model, driver and channels', () => {
  const all = [
    instance('a', { name: '张三' }),
    instance('b', { port: 19001 }),
    instance('c', { model: 'openai/GPT-4o' }),
    instance('d', { driver: 'docker', channels: [{ type: 'feishu', config: {} }] }),
  ]
  expect(ids(all, { text: '张' })).toEqual(['a'])
  expect(ids(all, { text: '1900' })).toEqual(['b'])
  expect(ids(all, { text: ' gpt ' })).toEqual(['c'])
  for (const text of ['docker', 'feishu', '飞书']) expect(ids(all, { text }), text).toEqual(['d'])
})

test('trouble comes first, and equals stand by id', () => {
  const all = [
    instance('c'),
    instance('b', { status: 'stopped' }),
    instance('a'),
    instance('z', { status: 'error' }),
  ]
  expect(ids(all, { sort: 'status' })).toEqual(['z', 'a', 'c', 'b'])
})

test('what has no value comes last in either direction', () => {
  const all = [
    instance('none'),
    instance('small', { memory_used_bytes: 1 }),
    instance('large', { memory_used_bytes: 9 }),
  ]
  expect(ids(all, { sort: 'memory' })).toEqual(['small', 'large', 'none'])
  expect(ids(all, { sort: 'memory', descending: true })).toEqual(['large', 'small', 'none'])
})

test('the longest uptime is the earliest start', () => {
  const all = [
    instance('new', { started_at: '2026-01-02T00:00:00Z' }),
    instance('old', { started_at: '2026-01-01T00:00:00Z' }),
  ]
  expect(ids(all, { sort: 'uptime', descending: true })).toEqual(['old', 'new'])
})
