import { describe, expect, test } from 'vitest'
import { EventParser, readEvents } from './sse'

function parse(...pieces: string[]) {
  const parser = new EventParser()
  return pieces.flatMap((piece) => parser.push(piece))
}

describe('EventParser', () => {
  test('reads named and unnamed events', () => {
    expect(parse('event: delta\ndata: {"text":"hi"}\n\ndata: [DONE]\n\n')).toEqual([
      { event: 'delta', data: '{"text":"hi"}' },
      { event: 'message', data: '[DONE]' },
    ])
  })

  test('does not care where the network cuts', () => {
    const text = 'event: delta\r\ndata: a\r\ndata: b\r\n\r\n'
    expect(parse(...text)).toEqual([{ event: 'delta', data: 'a\nb' }])
  })

  test('takes all three line endings', () => {
    expect(parse('data: a\r\rdata: b\n\ndata: c\r\n\r\n').map((event) => event.data)).toEqual(['a', 'b', 'c'])
  })

  test('skips comments and events without data', () => {
    expect(parse(': keep-alive\n\nevent: ping\n\ndata: x\n\n')).toEqual([{ event: 'message', data: 'x' }])
  })

  test('removes one leading space only', () => {
    expect(parse('data:  two\n\ndata:none\n\n').map((event) => event.data)).toEqual([' two', 'none'])
  })

  test('an unfinished event is not an event', () => {
    expect(parse('data: half')).toEqual([])
  })
})

test('readEvents joins a character split between two chunks', async () => {
  const bytes = new TextEncoder().encode('data: 篓\n\n')
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes.slice(0, 7))
      controller.enqueue(bytes.slice(7))
      controller.close()
    },
  })
  const events = []
  for await (const event of readEvents(body)) events.push(event)
  expect(events).toEqual([{ event: 'message', data: '篓' }])
})

test('leaving the loop cancels the body', async () => {
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('data: a\n\ndata: b\n\n')),
    cancel: () => void (cancelled = true),
  })
  for await (const event of readEvents(body)) {
    expect(event.data).toBe('a')
    break
  }
  expect(cancelled).toBe(true)
  expect(body.locked).toBe(false)
})

test('a body that breaks throws what broke it', async () => {
  const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error('cut')) })
  await expect(readEvents(body).next()).rejects.toThrow('cut')
})
