import { expect, test } from 'vitest'
import { isPassword, newPassword } from './password'

test('lengths are counted in bytes, as the backend counts them', () => {
  expect(isPassword('1234567')).toBe(false)
  expect(isPassword('一二三')).toBe(true)
  expect(isPassword('x'.repeat(1024))).toBe(true)
  expect(isPassword('一'.repeat(342))).toBe(false)
})

test('a generated password is one, and each is another', () => {
  const made = new Set(Array.from({ length: 100 }, newPassword))
  expect(made.size).toBe(100)
  for (const password of made) expect(password).toMatch(/^[A-Za-z2-9]{20}$/)
})
