/** Usage over REST. */
import { sumsOf, type UsageQuestion, type UsageRow, type UsageSum } from '@/shared/usage/sums'
import { call } from './http'

/** `user`: of this one alone; empty: of all. */
export type Question = UsageQuestion & { user: string }

export function usagePath({ user, ...question }: Question, format?: 'csv'): string {
  const query = new URLSearchParams({ ...question, ...(user && { user }), ...(format && { format }) })
  return `/api/usage?${query}`
}

export async function readUsage(question: Question): Promise<UsageSum[]> {
  const { usage } = await call<{ usage: UsageRow[] }>('GET', usagePath(question))
  return sumsOf(usage, question.by)
}
