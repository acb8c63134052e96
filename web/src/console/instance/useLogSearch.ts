/** Searching the lines: which of them match, and which match is the current one. */
import { computed, ref, watch, type Ref } from 'vue'
import type { LogLine } from '../live/logLine'

export function useLogSearch(lines: Ref<LogLine[]>) {
  const query = ref('')
  const current = ref(0)

  const found = computed(() => {
    const needle = query.value.toLowerCase()
    return needle ? lines.value.filter(({ text }) => text.toLowerCase().includes(needle)) : []
  })
  const currentKey = computed(() => found.value[current.value]?.key)

  function step(by: 1 | -1) {
    const count = found.value.length
    if (count) current.value = (current.value + by + count) % count
  }

  // The newest match is the likeliest to be meant.
  watch(query, () => (current.value = Math.max(0, found.value.length - 1)))
  return { query, current, found, currentKey, step }
}
