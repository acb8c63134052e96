/** The users that credits are known to matter to: those who used something lately, and those who have a virtual key. */
import { ref, shallowRef } from 'vue'
import { reason } from '../api/http'
import { listKeys } from '../api/llm'
import { readUsage } from '../api/usage'
import { micros } from '@/shared/credits/credits'
import { bounds, lastDays } from '@/shared/usage/range'
import { PACE_DAYS } from '@/shared/credits/lasting'

export interface Spender {
  user: string
  /** In the last `PACE_DAYS` days. */
  spent: string
}

/** Those who spent the most first: theirs are the balances to look at. */
function bySpending(a: Spender, b: Spender): number {
  return Number(micros(b.spent) - micros(a.spent)) || (a.user < b.user ? -1 : 1)
}

export function useSpenders() {
  const users = shallowRef<Spender[]>()
  const problem = ref('')

  async function load() {
    try {
      const days = bounds(lastDays(PACE_DAYS, Date.now()))
      const [sums, keys] = await Promise.all([readUsage({ by: 'user', ...days, user: '' }), listKeys()])
      const spent = new Map(sums.map(({ of, credits }) => [of, credits]))
      for (const { user } of keys) if (user && !spent.has(user)) spent.set(user, '0')
      spent.delete('')
      users.value = [...spent].map(([user, spent]) => ({ user, spent })).sort(bySpending)
      problem.value = ''
    } catch (error) {
      problem.value = reason(error)
    }
  }

  void load()
  return { users, problem, load }
}
