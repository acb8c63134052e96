/** Usage, read again when the question changes. An answer to an earlier question is dropped. */
import { ref, shallowRef, watch, type Ref } from 'vue'
import { reason } from '../api/http'
import type { UsageSum } from '@/shared/usage/sums'
import { readUsage, type Question } from '../api/usage'

/** What was asked, and what came back: the two belong together, while the next question is on its way too. */
export interface Answer {
  question: Question
  sums: UsageSum[]
}

export function useUsage(question: Readonly<Ref<Question | undefined>>) {
  const answer = shallowRef<Answer>()
  const problem = ref('')

  async function read(asked: Question | undefined) {
    if (!asked) return
    try {
      const sums = await readUsage(asked)
      if (question.value !== asked) return
      answer.value = { question: asked, sums }
      problem.value = ''
    } catch (error) {
      if (question.value === asked) problem.value = reason(error)
    }
  }

  watch(question, read, { immediate: true })
  return { answer, problem }
}
