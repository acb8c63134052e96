import { expect, test } from 'vitest'
import { patchLines } from './patch'

const kinds = (patch: string) => patchLines(patch).map(({ kind, text }) => `${kind} ${text}`)

test('each line of a patch says what became of it', () => {
  const patch =
    '--- openclaw.json\n+++ openclaw.json after\n@@ -1,3 +1,3 @@\n {\n--- a: 1,\n+++ b: 3,\n }\n\\ No newline at end of file\n'
  expect(kinds(patch)).toEqual([
    'place @@ -1,3 +1,3 @@',
    'same  {',
    'removed --- a: 1,',
    'added +++ b: 3,',
    'same  }',
    'place \\ No newline at end of file',
  ])
})

test('an empty line and a patch without names are lines too', () => {
  expect(kinds('@@ -1 +1,2 @@\n a\n\n+\n')).toEqual(['place @@ -1 +1,2 @@', 'same  a', 'same ', 'added +'])
})
