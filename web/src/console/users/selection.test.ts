import { expect, test } from 'vitest'
import type { User } from '../api/users'
import { select, type Selection } from './selection'

const user = (id: string, more: Partial<User> = {}): User => ({
  id,
  name: '',
  status: 'active',
  has_password: false,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  ...more,
})
const USERS = [
  user('bob', { status: 'disabled', created_at: '2026-02-01T00:00:00Z' }),
  user('alice', { name: '李四', has_password: true }),
  user('Carol'),
]
const ids = (selection: Partial<Selection>) =>
  select(USERS, { text: '', status: '', sort: 'id', descending: false, ...selection }).map(({ id }) => id)

test('an id or a name is found, whatever its case', () => {
  expect(ids({ text: ' CAR ' })).toEqual(['Carol'])
  expect(ids({ text: '四' })).toEqual(['alice'])
  expect(ids({ status: 'disabled' })).toEqual(['bob'])
})

test('those that are equal come by id, in either direction', () => {
  expect(ids({ sort: 'created_at', descending: true })).toEqual(['bob', 'Carol', 'alice'])
  expect(ids({ sort: 'has_password' })).toEqual(['Carol', 'bob', 'alice'])
})
