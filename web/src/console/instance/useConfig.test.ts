import { beforeEach, expect, test, vi } from 'vitest'
import { Problem } from '@/shared/problem'
import * as api from '../api/instances'
import { useConfig } from './useConfig'

vi.mock('../api/instances')
vi.mock('../api/http', () => ({ reason: (error: Error) => error.message }))
const read = vi.mocked(api.readConfig)
const write = vi.mocked(api.writeConfig)

async function opened() {
  read.mockResolvedValueOnce({ content: '{}', etag: '"1"' })
  const config = useConfig('a')
  await config.load()
  config.text.value = '{ mine: 1 }'
  return config
}

beforeEach(() => vi.resetAllMocks())

test('a save names the version that it was made from, and the next one the new version', async () => {
  const config = await opened()
  write.mockResolvedValue({ etag: '"2"', warnings: [] })
  await config.save()
  config.text.value = '{ mine: 2 }'
  await config.save()
  expect(write.mock.calls.map(([, { etag }]) => etag)).toEqual(['"1"', '"2"'])
})

test('what was changed elsewhere is shown beside what was typed, and nothing is lost', async () => {
  const config = await opened()
  write.mockRejectedValueOnce(new Problem('changed', 412))
  read.mockResolvedValueOnce({ content: '{ theirs: 1 }', etag: '"2"' })
  await config.save()
  expect(config.conflict.value?.content).toBe('{ theirs: 1 }')
  expect(config.text.value).toBe('{ mine: 1 }')

  config.resolve('mine')
  expect([config.text.value, config.dirty.value, config.conflict.value]).toEqual([
    '{ mine: 1 }',
    true,
    undefined,
  ])
  write.mockResolvedValueOnce({ etag: '"3"', warnings: [] })
  await config.save()
  expect(write).toHaveBeenLastCalledWith('a', { content: '{ mine: 1 }', etag: '"2"' })
})

test('theirs can be taken', async () => {
  const config = await opened()
  write.mockRejectedValueOnce(new Problem('changed', 412))
  read.mockResolvedValueOnce({ content: '{ theirs: 1 }', etag: '"2"' })
  await config.save()
  config.resolve('theirs')
  expect([config.text.value, config.dirty.value]).toEqual(['{ theirs: 1 }', false])
})

test('warnings of a save are findings', async () => {
  const config = await opened()
  write.mockResolvedValueOnce({ etag: undefined, warnings: [{ line: 2, column: 3, message: 'unknown key' }] })
  await config.save()
  expect(config.findings.value).toEqual([{ severity: 'warning', message: 'unknown key', line: 2, column: 3 }])
  expect(config.justSaved.value).toBe(true)
})
