/**
 * Puts a list that is read whole, and changes to it that arrive by themselves meanwhile, in order. What is told while a list
 * is under way may be newer than the list, so it is put on top of it; if it is older, the change that follows it is on its
 * way too. Of two lists under way the one asked for last wins. Knows neither where lists nor where changes come from.
 */
export interface Reading<T> {
  /** The list as it is with what was told since; `undefined` when a later reading has already answered. */
  done(list: ReadonlyMap<string, T>): Map<string, T> | undefined
  failed(): void
}

export function createOrder<T>() {
  const underWay = new Map<number, Map<string, T | undefined>>()
  let begun = 0
  let answered = 0

  return {
    begin(): Reading<T> {
      const number = ++begun
      const told = new Map<string, T | undefined>()
      underWay.set(number, told)
      return {
        done(list) {
          underWay.delete(number)
          if (number < answered) return undefined
          answered = number
          const now = new Map(list)
          for (const [id, value] of told) {
            if (value === undefined) now.delete(id)
            else now.set(id, value)
          }
          return now
        },
        failed: () => void underWay.delete(number),
      }
    },
    /** A change that arrived by itself; `undefined` means that it is gone. */
    told(id: string, value: T | undefined) {
      for (const changes of underWay.values()) changes.set(id, value)
    },
  }
}
