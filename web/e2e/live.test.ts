/** The connection that keeps the console current: given back by a tab that nobody looks at, and taken up again after a cut. */
import { expect, test } from 'vitest'
import { picture } from './browser'
import { signedInAt } from './here'

const ID = 'made-meanwhile'
const console_ = signedInAt('/instances')

/** Of the backend, and not the page itself. */
const API = /:\d+\/api\//
const connects = () => console_.page.waitForRequest(/\/api\/events$/)
/** As a browser tells its pages. */
const look = (away: boolean) =>
  console_.page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: hidden })
    document.dispatchEvent(new Event('visibilitychange'))
  }, away)

async function leave() {
  const given = console_.page.waitForEvent('requestfailed', (request) =>
    request.url().endsWith('/api/events'),
  )
  await look(true)
  await given
}

test('a tab in the background holds no connection, and knows what it missed when it is looked at', async () => {
  await leave()
  expect((await console_.api('POST', '/api/instances', { id: ID, start: false })).status()).toBe(201)
  const again = connects()
  await look(false)
  await again
  await console_.row(ID).waitFor()
})

test('a network that is cut is told of; what is asked meanwhile is refused in words', async () => {
  await leave()
  await console_.page.route(API, (route) => route.abort('connectionrefused'))
  console_.browser.expectError('net::ERR_', API)
  await look(false)
  await console_.part('offline').waitFor()
  await console_.part('create').click()
  await console_.page.locator('#create-id').fill('not-now')
  await console_.part('create-submit').click()
  await console_.page.locator('.form .refusal', { hasText: 'cannot be reached' }).waitFor()
  await picture(console_.page, '60-cut')
})

test('when it is back, so is the console, with what was filled in', async () => {
  expect((await console_.api('DELETE', `/api/instances/${ID}?purge=true`)).status()).toBe(204)
  await console_.page.unroute(API)
  await console_.part('offline').waitFor({ state: 'detached' })
  expect(await console_.page.locator('#create-id').inputValue()).toBe('not-now')
  await console_.part('create-submit').click()
  await console_.part('token').waitFor()
  await console_.page.keyboard.press('Escape')
  await console_.row('not-now').waitFor()
  expect(await console_.row(ID).count()).toBe(0)
  await console_.api('DELETE', '/api/instances/not-now?purge=true')
})

test('a part that does not come is told of', async () => {
  const part = /SettingsPage/
  await console_.page.route(part, (route) => route.abort('connectionrefused'))
  console_.browser.expectError('net::ERR_', part)
  console_.browser.expectError('Unable to preload', /\/assets\//)
  await console_.page.getByRole('link', { name: 'Settings' }).first().click()
  await console_.page.locator('.el-message-box').waitFor()
  await picture(console_.page, '61-part-missing')
  await console_.page.unroute(part)
  await console_.page.locator('.el-message-box button.el-button--primary').click()
  await console_.page.locator('.page-head h1').waitFor()
})
