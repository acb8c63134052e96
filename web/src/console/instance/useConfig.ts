/** The configuration of an instance being edited: what is saved, what is typed, and what the backend says of it. */
import { computed, onMounted, ref, shallowRef, watch } from 'vue'
import { Problem } from '@/shared/problem'
import { reason } from '../api/http'
import { readConfig, writeConfig } from '../api/instances'
import type { Finding } from '../editor/finding'

export function useConfig(id: string) {
  const saved = ref<string>()
  const text = ref('')
  const findings = shallowRef<Finding[]>([])
  const problem = ref('')
  const busy = ref(false)
  const justSaved = ref(false)

  const dirty = computed(() => saved.value !== undefined && text.value !== saved.value)

  async function load() {
    problem.value = ''
    try {
      saved.value = text.value = await readConfig(id)
    } catch (error) {
      problem.value = reason(error)
    }
  }

  /** Answers the finding to jump to, when there is one. */
  async function save(): Promise<Finding | undefined> {
    if (busy.value || !dirty.value) return undefined
    busy.value = true
    problem.value = ''
    const sent = text.value
    try {
      const { warnings } = await writeConfig(id, sent)
      saved.value = sent
      justSaved.value = true
      findings.value = warnings.map(({ line, column, message }) => ({
        severity: 'warning',
        message,
        line: line ?? 1,
        column: column ?? undefined,
      }))
      return undefined
    } catch (error) {
      const finding = findingOf(error)
      findings.value = finding ? [finding] : []
      // With a place, the message stands at the place.
      if (!finding) problem.value = reason(error)
      return finding
    } finally {
      busy.value = false
    }
  }

  function revert() {
    text.value = saved.value ?? ''
    problem.value = ''
    findings.value = []
  }

  // What was said about the text holds until the text changes.
  watch(text, (value) => {
    if (value !== saved.value) justSaved.value = false
    if (findings.value.length) findings.value = []
  })
  onMounted(load)
  return { text, saved, findings, problem, busy, dirty, justSaved, load, save, revert }
}

function findingOf(error: unknown): Finding | undefined {
  if (!(error instanceof Problem) || error.line === undefined) return undefined
  // The place is shown apart from the message.
  const message = error.message.replace(/^\S+:\d+:\d+:\s*/, '')
  return { severity: 'error', message, line: error.line, column: error.column }
}
