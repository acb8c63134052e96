/** One thing done to many users, a few at a time. What is refused is told with whose it was; the others are done all the same. */
import { ref, shallowRef } from 'vue'

const SIDE_BY_SIDE = 6

export interface Refused {
  id: string
  why: string
}

export function useBulk(explain: (error: unknown) => string) {
  const total = ref(0)
  const done = ref(0)
  const busy = ref(false)
  const refused = shallowRef<Refused[]>([])
  let stopped = false

  async function run(ids: string[], work: (id: string) => Promise<void>): Promise<void> {
    if (busy.value) return
    busy.value = true
    stopped = false
    total.value = ids.length
    done.value = 0
    refused.value = []
    const rest = ids.values()
    async function next() {
      for (const id of rest) {
        if (stopped) return
        try {
          await work(id)
        } catch (error) {
          refused.value = [...refused.value, { id, why: explain(error) }]
        }
        done.value += 1
      }
    }
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, next))
    busy.value = false
  }

  const stop = () => void (stopped = true)
  const forget = () => void (refused.value = [])
  return { total, done, busy, refused, run, stop, forget }
}
