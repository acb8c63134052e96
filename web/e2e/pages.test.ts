/** Every page of the console, by its address: on a desktop and on a phone, in both languages, light and dark. */
import { expect, test } from 'vitest'
import { LLM_SECTIONS, SETTINGS_SECTIONS, TABS, USER_TABS } from '../src/console/sections'
import { DESKTOP, PHONE, picture } from './browser'
import { signedInAt } from './here'

const INSTANCE = 'on-every-page'
const USER = 'someone'
/** Names as people have them: long, of another script, from right to left. */
const NAME = '张三 · 市场部内容运营与品牌传播小组 محمد بن عبد الله'
const PAGES = [
  '/sign-in',
  '/',
  '/instances',
  ...TABS.map((tab) => `/instances/${INSTANCE}/${tab}`),
  '/users',
  ...USER_TABS.map((tab) => `/users/${USER}/${tab}`),
  ...LLM_SECTIONS.map((section) => `/llm/${section}`),
  '/usage',
  '/credits',
  `/credits/${USER}`,
  ...SETTINGS_SECTIONS.map((section) => `/settings/${section}`),
  '/no-such-page',
  '/docs',
]
const console_ = signedInAt('/')
const wider = () => console_.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)

test('an instance and a user with long names', async () => {
  const instance = { id: INSTANCE, name: NAME, idle: { policy: 'sleep', minutes: 60 } }
  expect((await console_.api('POST', '/api/instances', instance)).status()).toBe(201)
  expect((await console_.api('POST', '/api/users', { id: USER, name: NAME })).status()).toBe(201)
})

test.each([
  { size: 'desktop', page: DESKTOP, turned: [] },
  { size: 'phone', page: PHONE, turned: ['language', 'theme'] as const },
])(
  'on a $size',
  async ({ size, page, turned }) => {
    await console_.open('/')
    for (const preference of turned) await console_.press(preference)
    await console_.page.setViewportSize(page)
    for (const path of PAGES) {
      await console_.open(path)
      await console_.page.locator('h1').first().waitFor()
      await console_.page.waitForLoadState('load')
      await expect.poll(wider, { message: `${path} scrolls sideways on a ${size}` }).toBe(0)
      await picture(console_.page, `70-${size}${path.replaceAll('/', '-')}`)
    }
    await console_.page.setViewportSize(DESKTOP)
  },
  400_000,
)

test('without motion, another theme is there at once', async () => {
  await console_.open('/')
  const heading = console_.page.locator('h1').first()
  const [before, turned, back] = await heading.evaluate((heading) => {
    const turned = () => {
      document.documentElement.classList.toggle('dark')
      return getComputedStyle(heading).color
    }
    return [getComputedStyle(heading).color, turned(), turned()]
  })
  expect(turned).not.toBe(before)
  expect(back).toBe(before)
})

test('they are removed', async () => {
  expect((await console_.api('DELETE', `/api/instances/${INSTANCE}?purge=true`)).ok()).toBe(true)
  expect((await console_.api('DELETE', `/api/users/${USER}`)).ok()).toBe(true)
})
