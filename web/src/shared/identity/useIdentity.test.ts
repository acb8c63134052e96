import { expect, test } from 'vitest'
import { useIdentity } from './useIdentity'

function pretended(content: string | null) {
  const written: (string | null)[] = []
  const identity = useIdentity({
    read: () => Promise.resolve(content),
    write: (next) => {
      written.push(next)
      return next === 'refuse' ? Promise.reject(new Error('no')) : Promise.resolve(next)
    },
    explain: (error) => (error as Error).message,
  })
  return { ...identity, written }
}

test('what was typed is saved once, and what was not typed is not', async () => {
  const { load, save, text, dirty, justSaved, written } = pretended(null)
  await load()
  await save()
  expect(written).toEqual([])
  text.value = 'a lobster'
  await save()
  expect(written).toEqual(['a lobster'])
  expect([dirty.value, justSaved.value]).toEqual([false, true])
})

test('what was refused stays to be mended', async () => {
  const { load, save, text, problem } = pretended('before')
  await load()
  text.value = 'refuse'
  await save()
  expect([text.value, problem.value]).toEqual(['refuse', 'no'])
})

test('what was typed survives a second reading', async () => {
  const { load, text } = pretended('before')
  await load()
  text.value = 'typed'
  await load()
  expect(text.value).toBe('typed')
})

test('the limit is one of bytes, and what is beyond it is not sent', async () => {
  const { load, save, text, long, written } = pretended(null)
  await load()
  text.value = '虾'.repeat(22_000)
  await save()
  expect([long.value, written]).toEqual([true, []])
})
