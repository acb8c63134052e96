/** Rows that are read whole now and then and arrive one by one in between: nothing twice, nothing newer lost. Pure. */

/** `read` with those of `known` that it does not hold and that are newer than all of it. Oldest first, `most` at most. */
export function withNewer<T>(read: T[], known: T[], order: (row: T) => number, most: number): T[] {
  const last = read.at(-1)
  const newest = last === undefined ? Number.NEGATIVE_INFINITY : order(last)
  return [...read, ...known.filter((row) => order(row) > newest)].slice(-most)
}
