/** One user's account, with as much of its history as was asked for. */
import { computed, ref, shallowRef, watch, type Ref } from 'vue'
import { readAccount, type Account, type Entry } from '../api/credits'
import { reason } from '../api/http'
import { readUsage } from '../api/usage'
import { bounds, lastDays } from '../usage/range'
import { PACE_DAYS } from './lasting'

const ENTRIES = 50

export function useAccount(user: Readonly<Ref<string>>) {
  const account = shallowRef<Account>()
  const entries = shallowRef<Entry[]>([])
  const spent = ref('0')
  const more = ref(false)
  const problem = ref('')

  async function attempt(work: (user: string) => Promise<void>) {
    try {
      await work(user.value)
      problem.value = ''
    } catch (error) {
      problem.value = reason(error)
    }
  }

  const load = () =>
    attempt(async (of) => {
      const days = bounds(lastDays(PACE_DAYS, Date.now()))
      const [latest, sums] = await Promise.all([
        readAccount(of, ENTRIES),
        readUsage({ by: 'user', ...days, user: of }),
      ])
      if (of !== user.value) return
      account.value = latest
      entries.value = latest.entries
      more.value = latest.entries.length === ENTRIES
      spent.value = sums[0]?.credits ?? '0'
    })

  const older = () =>
    attempt(async (of) => {
      const last = entries.value.at(-1)
      const page = await readAccount(of, ENTRIES, last?.id)
      if (of !== user.value || entries.value.at(-1) !== last) return
      entries.value = [...entries.value, ...page.entries]
      more.value = page.entries.length === ENTRIES
    })

  watch(user, load, { immediate: true })
  /** What belongs to somebody else is not shown while this user's is on its way. */
  const shown = computed(() => (account.value?.user === user.value ? account.value : undefined))
  return { account: shown, entries, spent, more, problem, load, older }
}
