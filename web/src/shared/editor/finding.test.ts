import { Text } from '@codemirror/state'
import { expect, test } from 'vitest'
import { diagnostic } from './finding'

const document = Text.of(['{', '  prot: 1,', '  "🦞": x,', '}'])
const marked = (line: number, column?: number) => {
  const { from, to } = diagnostic(document, { severity: 'error', message: '', line, column })
  return document.sliceString(from, to)
}

test('a column marks the word that stands there', () => expect(marked(2, 3)).toBe('prot'))
test('a sign is marked alone', () => expect(marked(2, 7)).toBe(':'))
test('a line without column is marked whole, without its indent', () => expect(marked(2)).toBe('prot: 1,'))
test('characters outside the basic plane count once', () => expect(marked(3, 8)).toBe('x'))
test('a place past the end of the text is its end', () => expect(marked(99, 99)).toBe(''))
