/**
 * Feeds the stores from `/api/events` while somebody looks: over HTTP/1.1 a browser opens six connections to a host for all of its tabs
 * together, so a tab in the background gives its own back. After every reconnect the lists are read anew: what was missed is unknown.
 */
import { onScopeDispose, ref } from 'vue'
import type { Activity, HostSample, Instance } from '../api/types'
import { useHost } from '../stores/host'
import { useInstances } from '../stores/instances'
import { tellActivity, tellMissed } from './activity'

const RETRY_MS = 3000
/** Whoever looks into another tab for a moment comes back to a list that is as it was. */
const AWAY_MS = 5000

export function useLiveEvents() {
  const instances = useInstances()
  const host = useHost()
  const connected = ref(true)
  let source: EventSource | undefined
  let timer = 0
  let opened = false

  function connect() {
    if (document.hidden) return
    source = new EventSource('/api/events')
    source.onopen = () => {
      connected.value = true
      void instances.load()
      void host.load()
      if (opened) tellMissed()
      opened = true
    }
    source.onerror = () => {
      connected.value = false
      // The browser reconnects by itself, except after an HTTP error.
      if (source?.readyState !== EventSource.CLOSED) return
      clearTimeout(timer)
      timer = window.setTimeout(connect, RETRY_MS)
      // Tells an ended session (which leads to sign-in) from a backend that is away.
      void instances.load()
    }
    on<Instance>('instance', instances.changed)
    on<{ id: string }>('removed', ({ id }) => instances.removed(id))
    on<Activity>('activity', (event) => {
      host.happened(event)
      tellActivity(event)
    })
    on<HostSample>('sample', host.sampled)
  }

  function on<T>(event: string, handle: (data: T) => void) {
    source?.addEventListener(event, ({ data }) => handle(JSON.parse(data) as T))
  }

  function leave() {
    clearTimeout(timer)
    source?.close()
    source = undefined
  }

  function turn() {
    if (document.hidden) {
      clearTimeout(timer)
      timer = window.setTimeout(leave, AWAY_MS)
    } else if (source?.readyState !== EventSource.OPEN) {
      leave()
      connect()
    } else clearTimeout(timer)
  }

  connect()
  document.addEventListener('visibilitychange', turn)
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', turn)
    leave()
  })
  return { connected }
}
