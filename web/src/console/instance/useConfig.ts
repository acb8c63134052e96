/** The configuration of an instance being edited: what is saved, what is typed, and what the backend says of it. */
import { computed, ref, shallowRef, watch } from 'vue'
import { Problem } from '@/shared/problem'
import { reason } from '../api/http'
import { readConfig, writeConfig, type ConfigText } from '../api/instances'
import type { Finding } from '../editor/finding'

export function useConfig(id: string) {
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
      saved.value = await readConfig(id)
      text.value = saved.value.content
    } catch (error) {
      problem.value = reason(error)
    }
  }

  /** Answers the finding to jump to, when there is one. */
  async function save(): Promise<Finding | undefined> {
    if (busy.value || !saved.value || !dirty.value) return undefined
    busy.value = true
    problem.value = ''
    const sent = { content: text.value, etag: saved.value.etag }
    try {
      const { etag, warnings } = await writeConfig(id, sent)
      saved.value = { content: sent.content, etag }
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
        conflict.value = await readConfig(id)
        return undefined
      } catch (unread) {
        error = unread
      }
    }
    const finding = findingOf(error)
    if (finding) findings.value = [finding]
    // With a place, the message stands at the place.
    else problem.value = reason(error)
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
