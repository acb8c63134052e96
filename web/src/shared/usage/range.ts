/** Ranges of UTC days, as the backend adds usage up. Pure. */
export interface Range {
  /** The first and the last day, such as `2026-01-31`: both are in it. */
  from: string
  until: string
}

const DAY = 86_400_000
const HOUR = 3_600_000
const time = (day: string) => Date.parse(`${day}T00:00:00Z`)
const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10)

export function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && dayOf(time(text) || 0) === text
}

/** The last so many days, with the one that it is now. */
export function lastDays(days: number, now: number): Range {
  return { from: dayOf(now - (days - 1) * DAY), until: dayOf(now) }
}

/** How the backend wants it said: without the end. */
export function bounds({ from, until }: Range): { from: string; to: string } {
  return { from, to: dayOf(time(until) + DAY) }
}

/** A day or two are read by the hour. */
export function stepOf({ from, until }: Range): 'hour' | 'day' {
  return time(until) - time(from) < 2 * DAY ? 'hour' : 'day'
}

/** The beginnings of all days or hours of a question, those without usage too. */
export function steps({ by, from, to }: { by: string; from: string; to: string }): number[] {
  const size = by === 'hour' ? HOUR : DAY
  const first = time(from)
  return Array.from({ length: (time(to) - first) / size }, (_, index) => first + index * size)
}
