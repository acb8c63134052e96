/**
 * Which instances differ from the templates: each is asked, a few at a time; those that differ can be synced together. Where a person
 * and a template said different things somebody has to decide, for that instance alone.
 */
import { computed, onMounted, ref, shallowRef } from 'vue'
import { problemIn } from '@/shared/problem'
import { reason } from '../api/http'
import { actOnMany } from '../api/instances'
import { diffOf, isSame, type TemplateDiff } from '../api/templates'
import { useInstances } from '../stores/instances'
import { useBulk } from '../table/useBulk'
import { useMarks } from '../table/useMarks'

const TOGETHER = 20

export function useRollout() {
  const store = useInstances()
  const looking = useBulk(reason)
  const syncing = useBulk(reason)
  const differing = shallowRef<ReadonlyMap<string, TemplateDiff>>(new Map())
  const plain = computed(() => new Map([...differing.value].filter(([, { conflicts }]) => !conflicts.length)))
  const looked = ref(false)
  const { marked, mark, only } = useMarks(plain)
  const busy = computed(() => looking.busy.value || syncing.busy.value)

  onMounted(async () => {
    await looking.run([...store.byId.keys()].sort(), async (id) => {
      const found = await diffOf(id)
      if (!isSame(found)) differing.value = new Map([...differing.value, [id, found]])
    })
    only(plain.value.keys())
    looked.value = true
  })

  async function sync() {
    await syncing.runTogether([...marked.value], TOGETHER, async (ids) => {
      const results = await actOnMany('sync', ids)
      const done = new Set(results.filter(({ ok }) => ok).map(({ id }) => id))
      differing.value = new Map([...differing.value].filter(([id]) => !done.has(id)))
      return results
        .filter(({ ok }) => !ok)
        .map(({ id, problem }) => ({ id, why: reason(problemIn(problem ?? {})) }))
    })
  }

  return { looking, syncing, differing, plain, looked, marked, mark, busy, sync }
}
