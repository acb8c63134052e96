/** Rows of a list that are marked for something to be done to all of them. What is gone is marked no more. */
import { computed, shallowRef, type Ref } from 'vue'

export function useMarks(known: Readonly<Ref<ReadonlyMap<string, unknown>>>) {
  const ids = shallowRef<ReadonlySet<string>>(new Set())
  const marked = computed(() => new Set([...ids.value].filter((id) => known.value.has(id))))

  function mark(which: Iterable<string>, on: boolean) {
    const next = new Set(marked.value)
    for (const id of which) {
      if (on) next.add(id)
      else next.delete(id)
    }
    ids.value = next
  }

  const only = (which: Iterable<string>) => (ids.value = new Set(which))
  return { marked, mark, only }
}
