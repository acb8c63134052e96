/** The present moment, moving once a second while somebody looks: one timer for every uptime on the page. */
import { onBeforeUnmount, ref } from 'vue'

const now = ref(Date.now())
let timer = 0
let readers = 0

export function useNow() {
  if (readers++ === 0) timer = window.setInterval(() => (now.value = Date.now()), 1000)
  now.value = Date.now()
  onBeforeUnmount(() => {
    if (--readers === 0) clearInterval(timer)
  })
  return now
}
