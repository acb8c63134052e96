/** The picture of the console that the READMEs show: a small company, made at a fresh backend (a release build). `npm run picture`. */
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WatchedBrowser } from './browser'
import { Console } from './console'
import { password, user } from './settings'

const INSTANCES = {
  zhangsan: '张三',
  lisi: '李四',
  wangwu: '王五',
  support: '',
  research: '',
  ops: '',
  sales: '',
}
/** One that rests. */
const STOPPED = 'sales'
const DIRECTORY = resolve(import.meta.dirname, '../../docs/images')
let browser: WatchedBrowser
let console_: Console

beforeAll(async () => {
  browser = await WatchedBrowser.launch()
  console_ = new Console(await browser.page())
  browser.expectRefusal(401, /\/api\/session$/)
})
afterAll(() => browser?.close())

test('the console of a small company', async () => {
  for (const [id, name] of Object.entries(INSTANCES)) {
    const answer = await console_.api('POST', '/api/instances', { id, ...(name && { name }) })
    expect(answer.status(), await answer.text()).toBe(201)
  }
  await console_.open('/instances')
  await console_.signIn(user, password)
  for (const id of Object.keys(INSTANCES)) await console_.row(id).locator('.running').waitFor()
  await console_.api('POST', `/api/instances/${STOPPED}/stop`)
  await console_.row(STOPPED).locator('.stopped').waitFor()
  // Until each has been measured.
  await expect
    .poll(() => console_.page.locator('.row .memory', { hasText: 'MiB' }).count())
    .toBe(Object.keys(INSTANCES).length - 1)
  // And has been up for longer than anybody counts in seconds.
  await expect
    .poll(() => console_.page.locator('.row .uptime', { hasText: 'm' }).count(), { timeout: 150_000 })
    .toBe(Object.keys(INSTANCES).length - 1)
  await console_.page.setViewportSize({ width: 1360, height: 580 })
  await console_.page.mouse.move(0, 0)
  await console_.page.evaluate(() => document.fonts.ready)
  await console_.page.screenshot({ path: join(DIRECTORY, 'console.png'), animations: 'disabled' })
}, 180_000)
