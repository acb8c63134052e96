/** What of usage a plot shows. Pure. */
import type { UsageSum } from './sums'
import type { Bars } from '@/shared/plots/barOption'

export const MEASURES = ['credits', 'tokens', 'calls'] as const
export type Measure = (typeof MEASURES)[number]
/** The parts of a bar, each with its word and its colour. */
type Part = { word: 'credits' | 'input' | 'output' | 'ended' | 'failed'; colour: string }

const PARTS: Record<Measure, (Part & { value: (sum: UsageSum) => number })[]> = {
  credits: [{ word: 'credits', colour: '--accent', value: (sum) => Number(sum.credits) }],
  tokens: [
    { word: 'input', colour: '--accent', value: (sum) => sum.prompt_tokens },
    { word: 'output', colour: '--sleeping', value: (sum) => sum.completion_tokens },
  ],
  calls: [
    { word: 'ended', colour: '--accent', value: (sum) => sum.calls - sum.failed },
    { word: 'failed', colour: '--error', value: (sum) => sum.failed },
  ],
}

/** `undefined` is a day without usage. */
export function bars(
  measure: Measure,
  sums: (UsageSum | undefined)[],
  word: (part: Part['word']) => string,
): Bars[] {
  return PARTS[measure].map((part) => ({
    name: word(part.word),
    colour: part.colour,
    values: sums.map((sum) => (sum ? part.value(sum) : 0)),
  }))
}

/** Those with the most of it first. */
export function ranked(measure: Measure, sums: UsageSum[]): UsageSum[] {
  const size = (sum: UsageSum) => PARTS[measure].reduce((size, { value }) => size + value(sum), 0)
  return [...sums].sort((a, b) => size(b) - size(a))
}
