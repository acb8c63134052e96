/** One user and what is known of their tokens, kept current by what happens. */
import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { Problem } from '@/shared/problem'
import { reason } from '../api/http'
import { readUser, type User, type UserToken } from '../api/users'
import { changedUser, onActivity } from '../live/activity'

const GATHER_MS = 200

export function useUser(id: Readonly<Ref<string>>) {
  const user = shallowRef<User>()
  const tokens = shallowRef<UserToken[]>([])
  const missing = ref(false)
  const problem = ref('')
  let timer: ReturnType<typeof setTimeout> | undefined

  async function load() {
    const asked = id.value
    try {
      const found = await readUser(asked)
      if (asked !== id.value) return
      user.value = found.user
      tokens.value = found.tokens
      missing.value = false
      problem.value = ''
    } catch (error) {
      if (asked !== id.value) return
      missing.value = error instanceof Problem && (error.status === 404 || error.status === 422)
      if (missing.value) user.value = undefined
      problem.value = missing.value ? '' : reason(error)
    }
  }

  onActivity({
    happened(event) {
      if (changedUser(event) !== id.value) return
      clearTimeout(timer)
      if (event.kind === 'user.removed') {
        user.value = undefined
        missing.value = true
        return
      }
      timer = setTimeout(() => void load(), GATHER_MS)
    },
    missed: () => void load(),
  })
  onScopeDispose(() => clearTimeout(timer))
  watch(
    id,
    () => {
      user.value = undefined
      void load()
    },
    { immediate: true },
  )
  return { user, tokens, missing, problem, load }
}
