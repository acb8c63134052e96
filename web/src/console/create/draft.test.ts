import { expect, test } from 'vitest'
import type { ChannelType } from '../api/catalogue'
import { faultsOf, newDraft, refusedField, requestOf, stepOf, type Draft } from './draft'

const FEISHU: ChannelType = {
  type: 'feishu',
  fields: [
    { name: 'appId', required: true, secret: false, example: 'cli_1' },
    { name: 'appSecret', required: true, secret: true, example: 's' },
    { name: 'domain', required: false, secret: false, example: 'lark' },
  ],
  runtimes: ['openclaw'],
}
const draft = (more: Partial<Draft>): Draft => ({ ...newDraft(), id: 'zhangsan', ...more })
const faults = (more: Partial<Draft>) => [...faultsOf(draft(more), [FEISHU], () => false).keys()]

test('what is wrong is told at its field', () => {
  expect(faults({})).toEqual([])
  expect(faults({ id: '' })).toEqual(['id'])
  expect(faults({ port: '70000' })).toEqual(['port'])
  expect(faults({ idle: 'sleep', minutes: '0' })).toEqual(['idle'])
  expect(faults({ minutes: '0' })).toEqual([])
  const connected = [{ type: 'telegram', config: {} }]
  expect(faults({ idle: 'sleep', channels: connected })).toEqual(['idle'])
  expect(faults({ idle: 'always', channels: connected })).toEqual([])
  expect(faults({ memory: 'much', cpus: 'all' })).toEqual(['memory_limit_bytes', 'cpus'])
  const config = { appId: 'cli_1', appSecret: ' ', domain: '' }
  expect(faults({ channels: [{ type: 'feishu', config }] })).toEqual(['channels.feishu.appSecret'])
})

test('what was left empty is not sent', () => {
  expect(requestOf(draft({}))).toEqual({ id: 'zhangsan', runtime: 'native', driver: 'process', start: true })
})

test('what was filled in is sent as the backend takes it', () => {
  const config = { appId: ' cli_1 ', appSecret: 's', domain: '' }
  const wanted = requestOf(
    draft({
      driver: 'docker',
      channels: [{ type: 'feishu', config }],
      port: '19000',
      idle: 'sleep',
      memory: '512m',
      cpus: '0.5',
      image: 'x@sha256:1',
    }),
  )
  expect(wanted).toMatchObject({
    channels: [{ type: 'feishu', config: { appId: 'cli_1', appSecret: 's' } }],
    port: 19_000,
    idle: { policy: 'sleep', minutes: 30 },
    memory_limit_bytes: 536_870_912,
    cpus: 0.5,
    image: 'x@sha256:1',
  })
})

test('what is of this host is not sent for an instance that runs elsewhere', () => {
  const wanted = requestOf(
    draft({
      driver: 'railway',
      port: '19000',
      idle: 'sleep',
      memory: '512m',
      cpus: '1',
      image: 'acme/creel:1',
    }),
  )
  expect(wanted).toEqual({
    id: 'zhangsan',
    runtime: 'native',
    driver: 'railway',
    image: 'acme/creel:1',
    start: true,
  })
})

test('a refusal is led to its field', () => {
  const of = draft({ channels: [{ type: 'feishu', config: { appId: '', appSecret: '' } }] })
  expect(refusedField('port: 80 is privileged', of)).toEqual(['port', '80 is privileged'])
  expect(refusedField('channels: feishu: appSecret is missing; it takes', of)?.[0]).toBe(
    'channels.feishu.appSecret',
  )
  expect(refusedField('channels: feishu: "x" is no field of it', of)?.[0]).toBe('channels.feishu')
  expect(refusedField('the disk is full', of)).toBeUndefined()
  expect(stepOf('channels.feishu')).toBe('channels')
})
