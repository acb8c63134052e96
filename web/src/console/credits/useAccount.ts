/** One user's account, with as much of its history as was asked for. */
import { computed, ref, shallowRef, watch, type Ref } from 'vue'
import type { Account, Entry } from '@/shared/credits/account'
import { Problem } from '@/shared/problem'
import { readAccount } from '../api/credits'
import { reason } from '../api/http'
import { readUsage } from '../api/usage'
import { bounds, lastDays } from '@/shared/usage/range'
import { PACE_DAYS } from '@/shared/credits/lasting'

/** `lines`: how much of the history is read at a time. */
export function useAccount(user: Readonly<Ref<string>>, lines = 50) {
  const account = shallowRef<Account>()
  const entries = shallowRef<Entry[]>([])
  const spent = ref('0')
  const more = ref(false)
  const problem = ref('')
  /** Nobody is called so, and no credits were ever given to the name. */
  const unknown = ref(false)

  async function attempt(work: (user: string) => Promise<void>) {
    try {
      await work(user.value)
      problem.value = ''
      unknown.value = false
    } catch (error) {
      unknown.value = error instanceof Problem && error.status === 404
      problem.value = unknown.value ? '' : reason(error)
    }
  }

  const load = () =>
    attempt(async (of) => {
      const days = bounds(lastDays(PACE_DAYS, Date.now()))
      const [latest, sums] = await Promise.all([
        readAccount(of, lines),
        readUsage({ by: 'user', ...days, user: of }),
      ])
      if (of !== user.value) return
      account.value = latest
      entries.value = latest.entries
      more.value = latest.entries.length === lines
      spent.value = sums[0]?.credits ?? '0'
    })

  const older = () =>
    attempt(async (of) => {
      const last = entries.value.at(-1)
      const page = await readAccount(of, lines, last?.id)
      if (of !== user.value || entries.value.at(-1) !== last) return
      entries.value = [...entries.value, ...page.entries]
      more.value = page.entries.length === lines
    })

  watch(user, load, { immediate: true })
  /** What belongs to somebody else is not shown while this user's is on its way. */
  const shown = computed(() => (account.value?.user === user.value ? account.value : undefined))
  return { account: shown, entries, spent, more, problem, unknown, load, older }
}
