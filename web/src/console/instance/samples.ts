/** CPU and memory of one instance over time: what the backend kept, continued by every change that arrives. */
import { onMounted, shallowRef, watch } from 'vue'
import { readStats } from '../api/instances'
import type { Instance, Sample, Status } from '../api/types'

const KEPT = 720
/** What sleeps keeps a little memory: that is what is to be seen. */
const MEASURED = new Set<Status>(['running', 'sleeping'])

export function useSamples(instance: () => Instance) {
  const samples = shallowRef<Sample[]>([])

  onMounted(async () => {
    // Without a past the plots simply begin now: nothing to tell the reader.
    const past = await readStats(instance().id).catch(() => [])
    samples.value = [...past, ...samples.value]
  })

  watch(instance, ({ cpu_percent, memory_used_bytes: memory_bytes, status }) => {
    if (!MEASURED.has(status) || typeof cpu_percent !== 'number' || typeof memory_bytes !== 'number') return
    const sample = { at: new Date().toISOString(), cpu_percent, memory_bytes }
    samples.value = [...samples.value, sample].slice(-KEPT)
  })
  return samples
}
