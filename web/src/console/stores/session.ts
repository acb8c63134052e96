/** Who is signed in. */
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { setCsrf } from '../api/http'
import { readSession, signIn, signOut, type Session } from '../api/system'
import { Problem } from '@/shared/problem'

export const useSession = defineStore('session', () => {
  const username = ref<string>()
  let asked: Promise<void> | undefined

  function take(session: Session) {
    setCsrf(session.csrf)
    username.value = session.username
  }

  function drop() {
    username.value = undefined
    setCsrf('')
  }

  /** Asks the backend once whether the cookie is still good. */
  function ready(): Promise<void> {
    asked ??= readSession().then(take, (error: unknown) => {
      // Not signed in is an answer; an unreachable backend is asked again at the next step.
      if (!(error instanceof Problem && error.status === 401)) asked = undefined
    })
    return asked
  }

  async function enter(name: string, password: string) {
    take(await signIn(name, password))
  }

  async function leave() {
    await signOut()
    drop()
  }

  return { username, ready, enter, leave, drop }
})
