/** What can be read from one log line without knowing who wrote it: its level, free of terminal colours. */
export type Level = 'error' | 'warn' | 'info' | 'debug' | undefined

export interface LogLine {
  key: number
  text: string
  level: Level
}

const COLOURS = /\u001b\[[0-9;]*[A-Za-z]/g
const LEVEL = /\b(error|fatal|panic|warn|warning|info|debug|trace)\b/i
/** A level stands at the beginning of a line or in a JSON field; the same word later on is only a word. */
const HEAD = 80

const LEVELS: Record<string, Level> = {
  error: 'error',
  fatal: 'error',
  panic: 'error',
  warn: 'warn',
  warning: 'warn',
  info: 'info',
  debug: 'debug',
  trace: 'debug',
}

export function parseLine(raw: string, key: number): LogLine {
  const text = raw.replace(COLOURS, '')
  const field = /"level"\s*:\s*"(\w+)"/.exec(text)?.[1]
  const word = field ?? LEVEL.exec(text.slice(0, HEAD))?.[1]
  return { key, text, level: LEVELS[word?.toLowerCase() ?? ''] }
}

export interface Piece {
  text: string
  hit: boolean
}

/** Cuts a line at every occurrence of `query`, whatever its case. */
export function highlight(text: string, query: string): Piece[] {
  if (!query) return [{ text, hit: false }]
  const pieces: Piece[] = []
  const haystack = text.toLowerCase()
  const needle = query.toLowerCase()
  let from = 0
  for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, from)) {
    if (at > from) pieces.push({ text: text.slice(from, at), hit: false })
    pieces.push({ text: text.slice(at, at + needle.length), hit: true })
    from = at + needle.length
  }
  if (from < text.length) pieces.push({ text: text.slice(from), hit: false })
  return pieces
}
