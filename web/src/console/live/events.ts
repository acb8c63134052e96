/** Feeds the stores from `/api/events`. After every reconnect the lists are read anew: what was missed is unknown. */
import { onScopeDispose, ref } from 'vue'
import type { Activity, HostSample, Instance } from '../api/types'
import { useHost } from '../stores/host'
import { useInstances } from '../stores/instances'
import { tellActivity, tellMissed } from './activity'

const RETRY_MS = 3000

export function useLiveEvents() {
  const instances = useInstances()
  const host = useHost()
  const connected = ref(true)
  let source: EventSource | undefined
  let timer = 0
  let opened = false

  function connect() {
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

  connect()
  onScopeDispose(() => {
    clearTimeout(timer)
    source?.close()
  })
  return { connected }
}
