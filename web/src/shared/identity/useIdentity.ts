/** An assistant's identity being edited: what is saved, what is typed, whether it fits. Knows no server: an `IdentitySource` does. */
import { computed, ref } from 'vue'
import { useAttempt } from '../useAttempt'

/** Bytes. */
const MOST = 64 * 1024

/** `null` where none was written: the service's own applies. */
export interface IdentitySource {
  read(): Promise<string | null>
  write(content: string | null): Promise<string | null>
  /** The sentence to show for a failure. */
  explain(error: unknown): string
}

export function useIdentity(source: IdentitySource) {
  /** `undefined`: not read yet. */
  const saved = ref<string | null>()
  const text = ref('')
  const justSaved = ref(false)
  const { busy, problem, attempt } = useAttempt((error) => source.explain(error))

  const dirty = computed(() => saved.value !== undefined && text.value !== (saved.value ?? ''))
  const long = computed(() => new TextEncoder().encode(text.value).length > MOST)

  const take = (work: () => Promise<string | null>) =>
    attempt(async () => {
      saved.value = await work()
      text.value = saved.value ?? ''
    })

  /** Reads it, unless something was typed and not saved, which stays. */
  async function load() {
    justSaved.value = false
    if (!dirty.value) await take(() => source.read())
  }

  /** Saves what was typed. */
  async function save() {
    if (dirty.value) await write(text.value)
  }

  async function write(content: string | null) {
    if (busy.value || long.value) return
    justSaved.value = await take(() => source.write(content))
  }

  return { saved, text, justSaved, problem, busy, dirty, long, load, save, drop: () => write(null) }
}
