/** CPU and memory of one instance over time: what the backend kept, continued by every change that arrives; or the last day of it. */
import { onMounted, onUnmounted, shallowRef, watch, type Ref } from 'vue'
import { readStats, type Span } from '../api/instances'
import type { Instance, Sample, Status } from '../api/types'

const KEPT = 720
/** How often the day is read again: it has a sample for every five minutes. */
const AGAIN = 60_000
/** What sleeps keeps a little memory: that is what is to be seen. */
const MEASURED = new Set<Status>(['running', 'sleeping'])

export function useSamples(instance: () => Instance, span: Ref<Span>) {
  const samples = shallowRef<Sample[]>([])
  let again: ReturnType<typeof setInterval> | undefined

  async function load() {
    const asked = span.value
    // Without a past the plots simply begin now: nothing to tell the reader.
    const past = await readStats(instance().id, asked).catch(() => [])
    if (asked !== span.value) return
    samples.value = asked === 'day' ? past : [...past, ...samples.value]
  }

  function begin() {
    clearInterval(again)
    samples.value = []
    if (span.value === 'day') again = setInterval(() => void load(), AGAIN)
    return load()
  }

  onMounted(begin)
  onUnmounted(() => clearInterval(again))
  watch(span, begin)

  watch(instance, ({ cpu_percent, memory_used_bytes: memory_bytes, status }) => {
    if (span.value === 'day' || !MEASURED.has(status)) return
    if (typeof cpu_percent !== 'number' || typeof memory_bytes !== 'number') return
    const sample = { at: new Date().toISOString(), cpu_percent, memory_bytes }
    samples.value = [...samples.value, sample].slice(-KEPT)
  })
  return samples
}
