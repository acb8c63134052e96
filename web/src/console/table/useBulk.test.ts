import { expect, test } from 'vitest'
import { useBulk } from './useBulk'

const ids = Array.from({ length: 50 }, (_, index) => `user-${index}`)
const say = (error: unknown) => (error as Error).message

test('every one is done once, and what is refused is told', async () => {
  const { run, done, refused, busy } = useBulk(say)
  const worked: string[] = []
  await run(ids, async (id) => {
    await Promise.resolve()
    worked.push(id)
    if (id.endsWith('7')) throw new Error(`not ${id}`)
  })
  expect([...worked].sort()).toEqual([...ids].sort())
  expect(done.value).toBe(50)
  expect(busy.value).toBe(false)
  expect(refused.value.map(({ id, why }) => [id, why])).toContainEqual(['user-27', 'not user-27'])
  expect(refused.value).toHaveLength(5)
})

test('when it is stopped, no other is begun', async () => {
  const { run, done, stop } = useBulk(say)
  await run(ids, async (id) => {
    await Promise.resolve()
    if (id === 'user-9') stop()
  })
  expect(done.value).toBeGreaterThanOrEqual(10)
  expect(done.value).toBeLessThan(20)
})

test('many go in one request, and a request that fails is a refusal of all in it', async () => {
  const { runTogether, done, refused } = useBulk(say)
  const sizes: number[] = []
  await runTogether(ids, 20, async (batch) => {
    await Promise.resolve()
    sizes.push(batch.length)
    if (batch.includes('user-49')) throw new Error('no answer')
    return batch.includes('user-3') ? [{ id: 'user-3', why: 'busy' }] : []
  })
  expect(sizes).toEqual([20, 20, 10])
  expect(done.value).toBe(50)
  expect(refused.value).toHaveLength(11)
  expect(refused.value[0]).toEqual({ id: 'user-3', why: 'busy' })
})
