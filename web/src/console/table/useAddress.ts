/** What a list is narrowed by lives in the address, so that a view can be kept and shared. */
import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'

export function useAddress() {
  const route = useRoute()
  const router = useRouter()
  const set = (key: string, value: string | undefined) =>
    void router.replace({ query: { ...route.query, [key]: value } })

  /** A word of the address; empty, it is not there. */
  function word<T extends string>(key: string) {
    return computed<T | ''>({
      get: () => (route.query[key] ?? '') as T,
      set: (value) => set(key, value || undefined),
    })
  }

  /** Whether the address holds `key` at all. */
  function flag(key: string) {
    return computed({
      get: () => route.query[key] !== undefined,
      set: (on) => set(key, on ? '1' : undefined),
    })
  }

  return { word, flag }
}
