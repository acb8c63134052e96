import { expect, test } from 'vitest'
import { idFault } from './instanceId'

const RULE = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/
const free = () => false

test.each([
  ['', 'idEmpty'],
  ['../x', 'idCharacters'],
  ['Zhang', 'idCharacters'],
  ['张三', 'idCharacters'],
  ['-a', 'idEnds'],
  ['a-', 'idEnds'],
  ['-', 'idEnds'],
  ['a'.repeat(41), 'idLong'],
])('%j is refused: %s', (id, fault) => expect(idFault(id, free)).toBe(fault))

test.each(['a', '7', 'zhang-san', 'a--b', 'a'.repeat(40)])('%j is accepted', (id) => {
  expect(idFault(id, free)).toBeUndefined()
})

test('a taken id is named as such', () => {
  expect(idFault('lisi', (id) => id === 'lisi')).toBe('idTaken')
})

test('says the same as the rule, for every short id', () => {
  const alphabet = ['a', '0', '-', 'A', '.']
  const ids = alphabet.flatMap((a) => [
    a,
    ...alphabet.flatMap((b) => [a + b, ...alphabet.map((c) => a + b + c)]),
  ])
  for (const id of ids) expect([id, idFault(id, free) === undefined]).toEqual([id, RULE.test(id)])
})
