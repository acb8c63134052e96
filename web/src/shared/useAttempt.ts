/** Something asked of a server: whether it is on its way, and what was said against it. Knows no server: `explain` makes the sentence. */
import { ref } from 'vue'

export function useAttempt(explain: (error: unknown) => string) {
  const busy = ref(false)
  const problem = ref('')

  /** Says whether it succeeded. */
  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    busy.value = true
    problem.value = ''
    try {
      await work()
      return true
    } catch (error) {
      problem.value = explain(error)
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, problem, attempt }
}
