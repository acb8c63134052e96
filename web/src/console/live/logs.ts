/** Live log lines of one instance over a WebSocket, reconnecting with backoff. Keeps the latest lines only. */
import { onScopeDispose, ref, shallowRef } from 'vue'
import { pathOf } from '../api/instances'
import { parseLine, type LogLine } from './logLine'

export const KEPT_LINES = 2000
const TAIL = 500
const LONGEST_WAIT_MS = 10_000

export function useLiveLogs(id: string) {
  const lines = shallowRef<LogLine[]>([])
  const capped = ref(false)
  const connected = ref(false)
  let socket: WebSocket | undefined
  let timer = 0
  let wait = 500
  let next = 0
  let frame = 0
  let arrived: LogLine[] = []
  let fresh = true

  function connect() {
    const address = new URL(`${pathOf(id)}/logs/stream?tail=${TAIL}`, location.href)
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
    socket = new WebSocket(address)
    socket.onopen = () => {
      connected.value = true
      wait = 500
      // A new connection sends the tail again: it replaces what is shown instead of doubling it.
      fresh = true
    }
    socket.onmessage = ({ data }) => {
      const { lines: texts } = JSON.parse(data as string) as { lines: string[] }
      for (const text of texts) arrived.push(parseLine(text, next++))
      // No frames are drawn in a hidden tab, and an instance may talk a lot meanwhile.
      if (arrived.length > 2 * KEPT_LINES) arrived = arrived.slice(-KEPT_LINES)
      frame ||= requestAnimationFrame(show)
    }
    socket.onclose = () => {
      connected.value = false
      timer = window.setTimeout(connect, wait)
      wait = Math.min(wait * 2, LONGEST_WAIT_MS)
    }
  }

  function show() {
    frame = 0
    const all = fresh ? arrived : [...lines.value, ...arrived]
    fresh = false
    arrived = []
    capped.value = all.length > KEPT_LINES
    lines.value = capped.value ? all.slice(-KEPT_LINES) : all
  }

  connect()
  onScopeDispose(() => {
    clearTimeout(timer)
    cancelAnimationFrame(frame)
    if (socket) socket.onclose = null
    socket?.close()
  })
  return { lines, capped, connected }
}
