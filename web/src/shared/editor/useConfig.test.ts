import { beforeEach, expect, test, vi } from 'vitest'
import { Problem } from '@/shared/problem'
import { useConfig, type ConfigSource } from './useConfig'

const read = vi.fn<ConfigSource['read']>()
const write = vi.fn<ConfigSource['write']>()
const explain = (error: unknown) => (error as Error).message

async function opened() {
  read.mockResolvedValueOnce({ content: '{}', etag: '"1"' })
  const config = useConfig({ read, write, explain })
  await config.load()
  config.text.value = '{ mine: 1 }'
  return config
}

beforeEach(() => vi.resetAllMocks())

test('a save names the version that it was made from, and the next one the new version', async () => {
  const config = await opened()
  write.mockImplementation(async ({ content }) => ({ content, etag: '"2"', warnings: [] }))
  await config.save()
  config.text.value = '{ mine: 2 }'
  await config.save()
  expect(write.mock.calls.map(([{ etag }]) => etag)).toEqual(['"1"', '"2"'])
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
  write.mockResolvedValueOnce({ content: '{ mine: 1 }', etag: '"3"', warnings: [] })
  await config.save()
  expect(write).toHaveBeenLastCalledWith({ content: '{ mine: 1 }', etag: '"2"' })
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
  const warnings = [{ line: 2, column: 3, message: 'unknown key' }]
  write.mockResolvedValueOnce({ content: '{ mine: 1 }', etag: undefined, warnings })
  await config.save()
  expect(config.findings.value).toEqual([{ severity: 'warning', message: 'unknown key', line: 2, column: 3 }])
  expect(config.justSaved.value).toBe(true)
})

test('what is kept is shown, unless somebody typed on', async () => {
  const config = await opened()
  const kept = { content: '{\n  "mine": 1\n}', etag: '"2"', warnings: [] }
  write.mockResolvedValueOnce(kept)
  await config.save()
  expect([config.text.value, config.dirty.value]).toEqual([kept.content, false])

  config.text.value = '{ mine: 2 }'
  write.mockImplementationOnce(async () => {
    config.text.value = '{ mine: 23 }'
    return kept
  })
  await config.save()
  expect([config.text.value, config.dirty.value]).toEqual(['{ mine: 23 }', true])
})
