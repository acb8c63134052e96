import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { keepOpen } from './socket'

class FakeSocket {
  static made: FakeSocket[] = []
  onopen = () => {}
  onmessage: unknown
  onclose: (() => void) | null = () => {}
  closed = false
  constructor() {
    FakeSocket.made.push(this)
  }
  close() {
    this.closed = true
    this.onclose?.()
  }
}

const address = new URL('ws://creel/logs')
const quiet = { opened() {}, message() {}, closed() {} }

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
  FakeSocket.made = []
})
afterEach(() => vi.unstubAllGlobals())

test('what was cut is opened again, later each time', async () => {
  keepOpen(address, { ...quiet, welcome: async () => true })
  FakeSocket.made[0]?.onclose?.()
  await vi.advanceTimersByTimeAsync(500)
  expect(FakeSocket.made).toHaveLength(2)
  FakeSocket.made[1]?.onclose?.()
  await vi.advanceTimersByTimeAsync(500)
  expect(FakeSocket.made).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(500)
  expect(FakeSocket.made).toHaveLength(3)
})

test('a session that has ended opens nothing again', async () => {
  const welcome = vi.fn(async () => false)
  keepOpen(address, { ...quiet, welcome })
  FakeSocket.made[0]?.onclose?.()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(FakeSocket.made).toHaveLength(1)
  expect(welcome).toHaveBeenCalledOnce()
})

test('what is ended stays closed, also while it asks', async () => {
  let answer: (welcome: boolean) => void = () => {}
  const end = keepOpen(address, { ...quiet, welcome: () => new Promise((resolve) => (answer = resolve)) })
  FakeSocket.made[0]?.onclose?.()
  await vi.advanceTimersByTimeAsync(500)
  end()
  answer(true)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(FakeSocket.made).toHaveLength(1)
})
