/** Live log lines of one instance over a WebSocket. Keeps the latest lines only. */
import { onScopeDispose, ref, shallowRef } from 'vue'
import { Problem } from '@/shared/problem'
import { pathOf, readInstance } from '../api/instances'
import { parseLine, type LogLine } from './logLine'
import { keepOpen } from './socket'

export const KEPT_LINES = 2000
const TAIL = 500

export function useLiveLogs(id: string) {
  const lines = shallowRef<LogLine[]>([])
  const capped = ref(false)
  const connected = ref(false)
  let next = 0
  let frame = 0
  let arrived: LogLine[] = []
  let fresh = true

  const address = new URL(`${pathOf(id)}/logs/stream?tail=${TAIL}`, location.href)
  address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  const end = keepOpen(address, {
    opened() {
      connected.value = true
      // A new connection sends the tail again: it replaces what is shown instead of doubling it.
      fresh = true
    },
    message(data) {
      const { lines: texts } = JSON.parse(data) as { lines: string[] }
      for (const text of texts) arrived.push(parseLine(text, next++))
      // No frames are drawn in a hidden tab, and an instance may talk a lot meanwhile.
      if (arrived.length > 2 * KEPT_LINES) arrived = arrived.slice(-KEPT_LINES)
      frame ||= requestAnimationFrame(show)
    },
    closed: () => (connected.value = false),
    // An ended session leads to sign-in from here, as from every request.
    welcome: () =>
      readInstance(id).then(
        () => true,
        (error: unknown) => !(error instanceof Problem && [401, 404].includes(error.status)),
      ),
  })

  function show() {
    frame = 0
    const all = fresh ? arrived : [...lines.value, ...arrived]
    fresh = false
    arrived = []
    capped.value = all.length > KEPT_LINES
    lines.value = capped.value ? all.slice(-KEPT_LINES) : all
  }

  onScopeDispose(() => {
    cancelAnimationFrame(frame)
    end()
  })
  return { lines, capped, connected }
}
