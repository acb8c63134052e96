import { expect, test } from 'vitest'
import { userIdFault } from './userId'

test.each([
  ['', 'idEmpty'],
  ['../etc', 'idBegins'],
  ['-a', 'idBegins'],
  ['a b', 'idCharacters'],
  ['张三', 'idBegins'],
  ['a张', 'idCharacters'],
  ['x'.repeat(129), 'idLong'],
  ['x'.repeat(128), undefined],
  ['bob', 'idTaken'],
  ['li.si+a@example.com', undefined],
])('%j: %s', (id, fault) => {
  expect(userIdFault(id, (one) => one === 'bob')).toBe(fault)
})
