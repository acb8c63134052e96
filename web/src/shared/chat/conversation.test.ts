import { expect, test } from 'vitest'
import { createConversation, TurnFailed, type Turn } from './conversation'

test('an answer grows delta by delta', async () => {
  const conversation = createConversation(async (turn) => {
    turn.delta('Hel')
    turn.delta('lo')
  })
  await conversation.send('hi')
  expect(conversation.messages.map(({ role, text, state }) => [role, text, state])).toEqual([
    ['user', 'hi', 'done'],
    ['assistant', 'Hello', 'done'],
  ])
})

test('a tool shows once, in its last state', async () => {
  const conversation = createConversation(async (turn) => {
    turn.tool({ name: 'read', status: 'running' })
    turn.tool({ name: 'read', status: 'done' })
    turn.tool({ name: 'read', status: 'running' })
  })
  await conversation.send('hi')
  expect(conversation.messages[1]?.tools.map((tool) => tool.status)).toEqual(['done', 'running'])
})

test('stop keeps what was said', async () => {
  const conversation = createConversation(async (turn) => {
    turn.delta('half')
    conversation.stop()
    turn.signal.throwIfAborted()
  })
  await conversation.send('hi')
  expect(conversation.messages[1]).toMatchObject({ text: 'half', state: 'stopped' })
  expect(conversation.busy).toBe(false)
})

test('a lost connection is retried with the same key, a failed turn with a new one', async () => {
  const seen: Turn[] = []
  const failures = [new TypeError('connection lost'), new TurnFailed('model down')]
  const conversation = createConversation(async (turn) => {
    seen.push(turn)
    const failure = failures.shift()
    if (failure) throw failure
    turn.delta('there')
  })
  await conversation.send('hi')
  expect(conversation.messages[1]).toMatchObject({ state: 'failed', error: 'connection lost' })
  await conversation.retry()
  expect(seen[1]?.key).toBe(seen[0]?.key)
  await conversation.retry()
  expect(seen[2]?.key).not.toBe(seen[0]?.key)
  expect(conversation.messages.map((message) => message.text)).toEqual(['hi', 'there'])
})
