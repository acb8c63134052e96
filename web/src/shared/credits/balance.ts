/** How a balance came to be what it is, from the lines of its ledger. Pure. */
import type { Entry } from './account'
import { micros } from './credits'

/**
 * Points of a plot in steps, oldest first: before the oldest line, after each line, and now. `entries` come newest first, and may be the latest
 * of many: the balance before them is what is left of it when they are taken back.
 */
export function balanceSteps(balance: string, entries: Entry[], now: number): [number, number][] {
  const points: [number, number][] = []
  let after = micros(balance)
  const value = () => Number(after) / 1e6
  if (entries.length) points.push([now, value()])
  for (const { credits, at } of entries) {
    points.push([Date.parse(at), value()])
    after -= micros(credits)
  }
  const oldest = entries.at(-1)
  if (oldest) points.push([Date.parse(oldest.at), value()])
  return points.reverse()
}
