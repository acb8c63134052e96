/** Who is signed in here, if anybody is. */
import { ref, shallowRef } from 'vue'
import { Problem } from '@/shared/problem'
import { explain, readMe, signOut, whenSignedOut, type Me } from './api'

export function useMe() {
  const me = shallowRef<Me>()
  const access = ref<'asking' | 'out' | 'in' | 'failed'>('asking')
  const problem = ref('')

  function drop() {
    me.value = undefined
    access.value = 'out'
  }

  async function load() {
    problem.value = ''
    try {
      me.value = await readMe()
      access.value = 'in'
    } catch (error) {
      if (error instanceof Problem && (error.status === 401 || error.status === 403)) return drop()
      access.value = 'failed'
      problem.value = explain(error)
    }
  }

  async function leave() {
    try {
      await signOut()
      drop()
    } catch (error) {
      problem.value = explain(error)
    }
  }

  whenSignedOut(drop)
  void load()
  return { me, access, problem, load, leave }
}
