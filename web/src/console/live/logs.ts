/** Live log lines of one instance over a WebSocket. Keeps the latest lines only; another filter begins anew. */
import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { Problem } from '@/shared/problem'
import { pathOf, readInstance } from '../api/instances'
import { parseLine, type LogLine } from './logLine'
import { keepOpen } from './socket'

export const KEPT_LINES = 2000
const TAIL = 500

/** Which lines are wanted: those since a time (RFC 3339), those that hold a text. Empty: all. */
export interface LogFilter {
  since: string
  search: string
}

export function useLiveLogs(id: string, filter: Readonly<Ref<LogFilter>>) {
  const lines = shallowRef<LogLine[]>([])
  const capped = ref(false)
  const connected = ref(false)
  let next = 0
  let frame = 0
  let arrived: LogLine[] = []
  let fresh = true

  function address(): URL {
    const { since, search } = filter.value
    const wanted = { tail: String(TAIL), ...(since && { since }), ...(search && { search }) }
    const url = new URL(`${pathOf(id)}/logs/stream?${new URLSearchParams(wanted)}`, location.href)
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
    return url
  }

  const open = () =>
    keepOpen(address(), {
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
  let end = open()
  watch(filter, () => {
    end()
    connected.value = false
    arrived = []
    lines.value = []
    end = open()
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
