/** One thing done to many, a few at a time. What is refused is told with whose it was; the others are done all the same. */
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

  /** One request each. */
  function run(ids: string[], work: (id: string) => Promise<void>): Promise<void> {
    return runBatches(ids, 1, SIDE_BY_SIDE, async ([id = '']) => {
      await work(id)
      return []
    })
  }

  /** So many in a request, one request after another. `work` answers what was refused. */
  function runTogether(
    ids: string[],
    size: number,
    work: (ids: string[]) => Promise<Refused[]>,
  ): Promise<void> {
    return runBatches(ids, size, 1, work)
  }

  async function runBatches(
    ids: string[],
    size: number,
    beside: number,
    work: (ids: string[]) => Promise<Refused[]>,
  ): Promise<void> {
    if (busy.value) return
    busy.value = true
    stopped = false
    total.value = ids.length
    done.value = 0
    refused.value = []
    const rest = batches(ids, size).values()
    async function next() {
      for (const batch of rest) {
        if (stopped) return
        const lost = (error: unknown) => batch.map((id) => ({ id, why: explain(error) }))
        const not = await work(batch).catch(lost)
        if (not.length) refused.value = [...refused.value, ...not]
        done.value += batch.length
      }
    }
    await Promise.all(Array.from({ length: beside }, next))
    busy.value = false
  }

  const stop = () => void (stopped = true)
  const forget = () => void (refused.value = [])
  return { total, done, busy, refused, run, runTogether, stop, forget }
}

function batches(ids: string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, index) =>
    ids.slice(index * size, (index + 1) * size),
  )
}
