/** A list that is read from the backend, and read again after each change to it; where that failed, once the connection is back. */
import { onMounted, ref, shallowRef } from 'vue'
import { reason } from '../api/http'
import { onActivity } from '../live/activity'

export function useRows<T>(read: () => Promise<T[]>) {
  const rows = shallowRef<T[]>([])
  const loaded = ref(false)
  const problem = ref('')

  async function load() {
    problem.value = ''
    try {
      rows.value = await read()
      loaded.value = true
    } catch (error) {
      problem.value = reason(error)
    }
  }

  /** Does something to it; what is refused is shown above the list. */
  async function change(work: () => Promise<unknown>) {
    try {
      await work()
      await load()
    } catch (error) {
      problem.value = reason(error)
    }
  }

  onMounted(load)
  onActivity({ missed: () => void (problem.value && load()) })
  return { rows, loaded, problem, load, change }
}
