/** A new instance on its way: what is filled in, what is wrong with it, and its making. */
import { computed, reactive, ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { Problem } from '@/shared/problem'
import type { ChannelType } from '../api/catalogue'
import { reason } from '../api/http'
import { createInstance, removeInstance } from '../api/instances'
import { useInstances } from '../stores/instances'
import { faultsOf, newDraft, refusedField, requestOf, stepOf, type Step } from './draft'

export function useCreate(types: () => ChannelType[], made: (id: string, token: string) => void) {
  const { t } = useI18n()
  const store = useInstances()
  const draft = reactive(newDraft())
  const step = ref<Step>('basics')
  const filled = computed(() => JSON.stringify(draft) !== JSON.stringify(newDraft()))
  /** Faults are told once the person has asked for the instance; before that, only those of what was typed. */
  const asked = ref(false)
  const busy = ref(false)
  const problem = ref('')
  /** What the backend refused, by field, until the draft changes. */
  const refused = ref<[field: string, reason: string]>()
  /** The id of which data was found, and what is to become of it. */
  const kept = ref('')
  const keptChoice = ref<'use' | 'purge'>()

  watch(draft, () => {
    refused.value = undefined
    if (kept.value !== draft.id) kept.value = ''
  })

  const faults = computed(() => faultsOf(draft, types(), (id) => store.byId.has(id)))
  const told = computed(() => {
    const said = new Map<string, string>()
    for (const [field, key] of faults.value) {
      const empty = key === 'idEmpty' || key === 'fieldMissing'
      if (asked.value || !empty) said.set(field, t(`create.${key}`, { length: draft.id.length }))
    }
    if (refused.value) said.set(...refused.value)
    return said
  })
  const wrong = computed(() => new Set([...told.value.keys()].map(stepOf)))
  const undecided = computed(() => kept.value !== '' && !keptChoice.value)

  async function submit() {
    asked.value = true
    const [first] = faults.value.keys()
    if (first) step.value = stepOf(first)
    if (first || busy.value || undecided.value) return
    busy.value = true
    problem.value = ''
    try {
      const { instance, token } = await make()
      // An event may have told more of it meanwhile.
      if (!store.byId.has(instance.id)) store.changed(instance)
      made(instance.id, token)
    } catch (error) {
      refuse(error)
    } finally {
      busy.value = false
    }
  }

  async function make() {
    const wanted = requestOf(draft)
    if (kept.value && keptChoice.value === 'use') return createInstance({ ...wanted, keep_data: true })
    try {
      return await createInstance(wanted)
    } catch (error) {
      // Kept data is what the backend looks at last: nothing else is in the way of what is asked for now.
      if (!isKept(error) || !kept.value || keptChoice.value !== 'purge') throw error
      await removeInstance(kept.value, true)
      kept.value = ''
      return createInstance(wanted)
    }
  }

  function refuse(error: unknown) {
    if (isKept(error)) {
      kept.value = draft.id
      keptChoice.value = undefined
      step.value = 'basics'
      return
    }
    const field =
      error instanceof Problem && error.status === 422 ? refusedField(error.message, draft) : undefined
    const port = error instanceof Problem && error.code === 'port_in_use' && draft.port.trim() !== ''
    if (field) refused.value = field
    else if (port) refused.value = ['port', reason(error)]
    else problem.value = reason(error)
    if (refused.value) step.value = stepOf(refused.value[0])
  }

  return { draft, filled, step, busy, problem, kept, keptChoice, told, wrong, undecided, faults, submit }
}

const isKept = (error: unknown) => error instanceof Problem && error.code === 'data_kept'
