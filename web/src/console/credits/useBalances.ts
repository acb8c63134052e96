/** Balances of the users that are in sight, and of no others: each is a question of its own. */
import { ref, shallowRef, watch, type Ref } from 'vue'
import { readAccount } from '../api/credits'
import { reason } from '../api/http'

export function useBalances(users: Readonly<Ref<string[]>>) {
  const balances = shallowRef(new Map<string, string>())
  const problem = ref('')

  async function load(asked: string[]) {
    try {
      const accounts = await Promise.all(asked.map((user) => readAccount(user, 1)))
      balances.value = new Map([
        ...balances.value,
        ...accounts.map((one) => [one.user, one.balance] as const),
      ])
      problem.value = ''
    } catch (error) {
      problem.value = reason(error)
    }
  }

  watch(users, load, { immediate: true })
  return { balances, problem }
}
