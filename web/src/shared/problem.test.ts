import { expect, test } from 'vitest'
import { problemOf } from './problem'

test('a problem document gives its detail and its place', async () => {
  const body = JSON.stringify({
    title: 'Unprocessable',
    detail: 'openclaw.json:3:7: expected a value',
    code: 'broken_config',
    line: 3,
    column: 7,
  })
  const problem = await problemOf(new Response(body, { status: 422 }))
  expect(problem).toMatchObject({
    message: 'openclaw.json:3:7: expected a value',
    status: 422,
    code: 'broken_config',
    line: 3,
    column: 7,
  })
})

test("OpenAI's shape is understood, and so is Retry-After", async () => {
  const answer = new Response('{"error":{"message":"slow down"}}', {
    status: 429,
    headers: { 'retry-after': '12' },
  })
  expect(await problemOf(answer)).toMatchObject({ message: 'slow down', retryAfter: 12 })
})

test('anything else is named by its status', async () => {
  const problem = await problemOf(new Response('<html>', { status: 502, statusText: 'Bad Gateway' }))
  expect(problem.message).toBe('502 Bad Gateway')
  expect(problem.isAway).toBe(true)
  expect((await problemOf(new Response('{"detail":"the model is away"}', { status: 502 }))).isAway).toBe(
    false,
  )
})
