// @vitest-environment node
import { expect, test, vi } from 'vitest'

vi.stubGlobal('location', { pathname: '/me/chat', search: '' })
vi.stubGlobal('addEventListener', () => {})
const { here, pathOf, sectionAt, SECTIONS } = await import('./place')

test('every section has an address, and each address leads back to it', () => {
  for (const section of SECTIONS) expect(sectionAt(pathOf(section))).toBe(section)
  expect(here.value).toBe('chat')
})

test.each(['/me/', '/me/sign-in', '/me/nothing', '/me/chat-not'])('%s leads to the first', (path) => {
  expect(sectionAt(path)).toBe(SECTIONS[0])
})
