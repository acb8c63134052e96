/** Which row a key leads to from the row at `at`; `undefined` for a key that is not about rows. Pure. */
export function rowAfter(key: string, at: number, count: number, page: number): number | undefined {
  const within = (row: number) => Math.min(Math.max(row, 0), count - 1)
  switch (key) {
    case 'ArrowDown':
      return within(at + 1)
    case 'ArrowUp':
      return within(at - 1)
    case 'PageDown':
      return within(at + page)
    case 'PageUp':
      return within(at - page)
    case 'Home':
      return 0
    case 'End':
      return within(count)
    default:
      return undefined
  }
}
