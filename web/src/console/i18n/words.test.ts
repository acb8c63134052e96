import { expect, test } from 'vitest'
import { en } from './en'
import { zh } from './zh'

/** Every sentence by its key, such as `create.idle.hint`. */
function sentences(words: object, at = ''): [key: string, text: string][] {
  return Object.entries(words).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'string' ? [[at + name, value]] : sentences(value as object, `${at}${name}.`),
  )
}

/** What is put into a sentence; each once, because a plural says it in several forms. */
const gaps = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort()

test('both languages say the same things, of the same facts', () => {
  const chinese = new Map(sentences(zh))
  const english = sentences(en)
  expect([...chinese.keys()].sort()).toEqual(english.map(([key]) => key).sort())
  for (const [key, text] of english) expect(gaps(chinese.get(key) ?? ''), key).toEqual(gaps(text))
})

test('every sentence is said somewhere', () => {
  const sources = Object.values(
    import.meta.glob<string>('../**/*.{vue,ts}', { query: '?raw', import: 'default', eager: true }),
  ).join('\n')
  // A key as it stands, or the beginning of one that is made of several parts.
  const made = [...sources.matchAll(/t\(\s*`([\w.]+\.)\$\{/g)].map(([, beginning = '']) => beginning)
  const unsaid = sentences(en)
    .map(([key]) => key)
    .filter((key) => !sources.includes(`'${key}'`) && !made.some((beginning) => key.startsWith(beginning)))
  expect(unsaid).toEqual([])
})
