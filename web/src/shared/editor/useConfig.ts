/** A configuration being edited: what is saved, what is typed, and what the backend says of it. Knows no server: a `ConfigSource` does. */
import { computed, ref, shallowRef, watch } from 'vue'
import { Problem } from '@/shared/problem'
import type { Finding } from './finding'

export interface ConfigText {
  content: string
  /** Which version this is; a write that names it is refused with 412 once there is another. */
  etag: string | undefined
}

export interface ConfigWarning {
  line?: number | null
  column?: number | null
  message: string
}

export interface ConfigSource {
  read(): Promise<ConfigText>
  /** Answers what is kept, which may be laid out in another way than what was sent. */
  write(text: ConfigText): Promise<ConfigText & { warnings: ConfigWarning[] }>
  /** The sentence to show for a failure. */
  explain(error: unknown): string
}

export function useConfig(source: ConfigSource) {
  const saved = shallowRef<ConfigText>()
  const text = ref('')
  const findings = shallowRef<Finding[]>([])
  const problem = ref('')
  const busy = ref(false)
  const justSaved = ref(false)
  /** What is saved now, when it is not what the editing began with. */
  const conflict = shallowRef<ConfigText>()

  const dirty = computed(() => saved.value !== undefined && text.value !== saved.value.content)

  async function load() {
    problem.value = ''
    try {
      saved.value = await source.read()
      text.value = saved.value.content
    } catch (error) {
      problem.value = source.explain(error)
    }
  }

  /** Answers the finding to jump to, when there is one. */
  async function save(): Promise<Finding | undefined> {
    if (busy.value || !saved.value || !dirty.value) return undefined
    busy.value = true
    problem.value = ''
    const sent = { content: text.value, etag: saved.value.etag }
    try {
      const { content, etag, warnings } = await source.write(sent)
      saved.value = { content, etag }
      // Whoever typed on meanwhile goes on from what they typed.
      if (text.value === sent.content) text.value = content
      justSaved.value = true
      findings.value = warnings.map(({ line, column, message }) => ({
        severity: 'warning',
        message,
        line: line ?? 1,
        column: column ?? undefined,
      }))
      return undefined
    } catch (error) {
      return await refused(error)
    } finally {
      busy.value = false
    }
  }

  async function refused(error: unknown): Promise<Finding | undefined> {
    findings.value = []
    if (error instanceof Problem && error.status === 412) {
      try {
        conflict.value = await source.read()
        return undefined
      } catch (unread) {
        error = unread
      }
    }
    const finding = findingOf(error)
    if (finding) findings.value = [finding]
    // With a place, the message stands at the place.
    else problem.value = source.explain(error)
    return finding
  }

  /** Goes on from what is saved now, with its text or with the one that was typed. */
  function resolve(keep: 'theirs' | 'mine') {
    if (!conflict.value) return
    saved.value = conflict.value
    if (keep === 'theirs') text.value = conflict.value.content
    conflict.value = undefined
  }

  function revert() {
    text.value = saved.value?.content ?? ''
    problem.value = ''
    findings.value = []
  }

  // What was said about the text holds until the text changes.
  watch(text, (value) => {
    if (value !== saved.value?.content) justSaved.value = false
    if (findings.value.length) findings.value = []
  })
  return { text, saved, findings, problem, busy, dirty, justSaved, conflict, load, save, resolve, revert }
}

function findingOf(error: unknown): Finding | undefined {
  if (!(error instanceof Problem) || error.line === undefined) return undefined
  // The place is shown apart from the message.
  const message = error.message.replace(/^\S+:\d+:\d+:\s*/, '')
  return { severity: 'error', message, line: error.line, column: error.column }
}
