/** Amounts of memory as people write them. Pure. */
const UNITS: Record<string, number> = { '': 2 ** 20, m: 2 ** 20, g: 2 ** 30 }

/** `512m`, `1.5g`, or a number of MiB, in bytes; `undefined` of what is none. */
export function sizeOf(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)\s*([mg]?)(?:i?b)?$/i.exec(text.trim())
  const bytes = Math.round(Number(found?.[1]) * (UNITS[found?.[2]?.toLowerCase() ?? ''] ?? 0))
  return bytes > 0 ? bytes : undefined
}

/** As `sizeOf` reads it. */
export function sizeText(bytes: number | null | undefined): string {
  if (!bytes) return ''
  const mib = bytes / 2 ** 20
  return mib % 1024 === 0 ? `${mib / 1024}g` : `${Math.round(mib)}m`
}
