/** Something said about a place in a text: by the parser while typing, or by the backend at a save. */
import type { Diagnostic } from '@codemirror/lint'
import type { Text } from '@codemirror/state'

export interface Finding {
  severity: 'error' | 'warning'
  message: string
  /** 1-based. */
  line: number
  /** 1-based, in characters; without it the whole line is meant. */
  column?: number
}

/** The finding as a range of the document, which may meanwhile be shorter than what was checked. */
export function diagnostic(document: Text, { severity, message, line, column }: Finding): Diagnostic {
  const at = document.line(Math.min(Math.max(line, 1), document.lines))
  const indent = at.text.length - at.text.trimStart().length
  const from = Math.min(at.from + (column === undefined ? indent : offset(at.text, column)), at.to)
  const word = /^[\w$]+/.exec(at.text.slice(from - at.from))?.[0].length ?? 1
  const to = column === undefined ? at.to : Math.min(from + word, at.to)
  return { from, to, severity, message }
}

/** Columns count characters as people see them; CodeMirror counts UTF-16 units. */
function offset(text: string, column: number): number {
  return [...text].slice(0, column - 1).join('').length
}
