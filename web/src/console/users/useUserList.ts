/**
 * The users, read a page at a time and kept current by what happens. Up to `MOST` are held, and then filtered and sorted here; of more
 * than that the backend searches.
 */
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { Problem } from '@/shared/problem'
import { reason } from '../api/http'
import type { Activity } from '../api/types'
import { listUsers, readUser, type User } from '../api/users'
import { changedUser, onActivity } from '../live/activity'
import { createOrder } from '../live/ordered'

export const MOST = 20_000
/** What happens is gathered for so long, and more than so many users are rather read all together. */
const GATHER_MS = 300
const FEW = 20
/** A whole reading is not begun sooner after the one before. */
const REST_MS = 2_000
const TYPING_MS = 250

export function useUserList(search: Readonly<Ref<string>>) {
  const byId = shallowRef<ReadonlyMap<string, User>>(new Map())
  const loaded = ref(false)
  /** There are more than `MOST` that the backend was asked for. */
  const cut = ref(false)
  const problem = ref('')
  const order = createOrder<User>()
  let whole = false
  let asked = ''
  let reading = 0
  /** Who changed, and whether they are gone. */
  const pending = new Map<string, 'changed' | 'removed'>()
  let gathering: ReturnType<typeof setTimeout> | undefined
  let typing: ReturnType<typeof setTimeout> | undefined
  let rested = 0
  let gone = false

  const all = computed(() => [...byId.value.values()])

  async function load() {
    const number = ++reading
    const order_ = order.begin()
    asked = whole ? '' : search.value.trim()
    problem.value = ''
    try {
      const found = new Map<string, User>()
      let next: string | null = ''
      do {
        const page: { users: User[]; next: string | null } = await listUsers(asked, next)
        if (gone || number !== reading) return order_.failed()
        for (const user of page.users) found.set(user.id, user)
        next = page.next
        // The first page is there to look at while the others are on their way.
        if (!loaded.value) byId.value = new Map(found)
        loaded.value = true
      } while (next && found.size < MOST)
      const now = order_.done(found)
      if (!now) return
      byId.value = now
      cut.value = next !== null
      whole = !asked && !cut.value
    } catch (error) {
      order_.failed()
      if (number === reading) problem.value = reason(error)
    } finally {
      rested = performance.now() + REST_MS
    }
  }

  function changed(users: User[], removed: string[] = []) {
    const next = new Map(byId.value)
    for (const user of users) {
      order.told(user.id, user)
      next.set(user.id, user)
    }
    for (const id of removed) {
      order.told(id, undefined)
      next.delete(id)
    }
    byId.value = next
  }

  async function catchUp() {
    gathering = undefined
    const ids = [...pending.keys()].filter((id) => pending.get(id) === 'changed')
    const removed = [...pending.keys()].filter((id) => pending.get(id) === 'removed')
    pending.clear()
    changed([], removed)
    if (ids.length > FEW) return load()
    const users = await Promise.all(ids.map((id) => readUser(id).catch(lost)))
    if (!gone) changed(users.flatMap((found) => (found ? [found.user] : [])))
  }

  /** Who is gone already is told of by an event of its own. */
  function lost(error: unknown): undefined {
    if (!(error instanceof Problem && error.status === 404)) problem.value = reason(error)
    return undefined
  }

  function gather() {
    // Many changes in a row are read together, now and then.
    const wait = pending.size > FEW ? Math.max(GATHER_MS, rested - performance.now()) : GATHER_MS
    gathering ??= setTimeout(() => void catchUp(), wait)
  }

  onActivity({
    happened(event: Activity) {
      if (event.kind === 'user.imported') return void load()
      const id = changedUser(event)
      if (id === undefined) return
      pending.set(id, event.kind === 'user.removed' ? 'removed' : 'changed')
      gather()
    },
    missed: () => void load(),
  })
  watch(search, () => {
    if (whole) return
    clearTimeout(typing)
    typing = setTimeout(() => search.value.trim() !== asked && void load(), TYPING_MS)
  })
  onScopeDispose(() => {
    gone = true
    clearTimeout(gathering)
    clearTimeout(typing)
  })

  void load()
  return { byId, all, loaded, cut, problem, load, changed }
}
