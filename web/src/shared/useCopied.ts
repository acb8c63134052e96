/** Copies a text, and says so for a moment. */
import { ref } from 'vue'
import { copyText } from './clipboard'

const SAID_MS = 1600

export function useCopied() {
  const copied = ref(false)

  async function onCopy(text: string) {
    await copyText(text)
    copied.value = true
    setTimeout(() => (copied.value = false), SAID_MS)
  }

  return { copied, onCopy }
}
