import { expect, test } from 'vitest'
import { transcript } from './transcript'

test('a turn with tool calls reads as one answer', () => {
  const messages = transcript([
    { role: 'user', content: 'what do you know of me?' },
    {
      role: 'assistant',
      content: '',
      tool_calls: [{ id: '1', name: 'memory_search', arguments: '{"query":"user"}' }],
    },
    { role: 'tool', content: 'likes tea' },
    { role: 'assistant', content: 'You like tea.' },
    { role: 'user', content: 'thanks' },
  ])
  expect(messages.map(({ role, text, tools }) => [role, text, tools.map((tool) => tool.name)])).toEqual([
    ['user', 'what do you know of me?', []],
    ['assistant', 'You like tea.', ['memory_search']],
    ['user', 'thanks', []],
  ])
})

test('a tool that went wrong says so', () => {
  const [answer] = transcript([
    { role: 'assistant', content: '', tool_calls: [{ id: '1', name: 'read', arguments: '{}' }] },
    { role: 'tool', content: 'no such file', tool_call_id: '1', is_error: true },
  ])
  expect(answer?.tools[0]?.status).toBe('failed')
})
