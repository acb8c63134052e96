/** What all of some usage comes to. Pure. */
import { sumOf } from '@/shared/credits/credits'
import type { UsageSum } from './sums'

export interface Total {
  key: 'credits' | 'calls' | 'failed' | 'input' | 'output' | 'estimated'
  text: string
  bad: boolean
}

export function totals(sums: UsageSum[], language: string): Total[] {
  const whole = new Intl.NumberFormat(language)
  const total = (value: (sum: UsageSum) => number) => sums.reduce((all, sum) => all + value(sum), 0)
  const failed = total((sum) => sum.failed)
  const estimated = total((sum) => sum.estimated)
  const cells: Total[] = [
    { key: 'credits', text: sumOf(sums.map((sum) => sum.credits)), bad: false },
    { key: 'calls', text: whole.format(total((sum) => sum.calls)), bad: false },
    { key: 'failed', text: whole.format(failed), bad: failed > 0 },
    { key: 'input', text: whole.format(total((sum) => sum.prompt_tokens)), bad: false },
    { key: 'output', text: whole.format(total((sum) => sum.completion_tokens)), bad: false },
  ]
  // Nothing to be said where providers told everything.
  return estimated > 0 ? [...cells, { key: 'estimated', text: whole.format(estimated), bad: false }] : cells
}
