import { expect, test } from 'vitest'
import { isAt, PLACES } from './places'

test.each([
  ['/', 'dashboard'],
  ['/instances/alice/logs', 'instances'],
  ['/users', 'users'],
  ['/users/users', 'users'],
  ['/usage', 'usage'],
  ['/llm/keys', 'llm'],
])('%s is at one place: %s', (path, name) => {
  expect(PLACES.filter((place) => isAt(place, path)).map((place) => place.name)).toEqual([name])
})
