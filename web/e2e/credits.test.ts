/** Credits: given with a last day, low when they soon are used up, bought again, each of it in the history. */
import { expect, test } from 'vitest'
import { DESKTOP, PHONE, picture } from './browser'
import { signedInAt } from './here'

const NEXT_YEAR = `${new Date().getUTCFullYear() + 1}-03-04`

const console_ = signedInAt('/credits')

const fill = (field: string, text: string) => console_.page.locator(`#${field}`).fill(text)
const save = () => console_.part('save-setup').click()
const account = (name: string) => console_.page.locator(`[data-account="${name}"]`)
const balance = () => console_.part('balance').locator('dd')
const entries = (kind: string) => console_.page.locator(`[data-entry="${kind}"]`)

test('who spent is listed with what is left', async () => {
  // `usage.test.ts` gave 100 and spent 7.2 of them, in calls that each cost 1.8.
  await account('walker').getByText('92.8').waitFor()
  expect(await account('walker').innerText()).toContain('7.2')
  await picture(console_.page, '60-credits')
})

test('somebody whom nobody knows is told from somebody who has nothing', async () => {
  console_.browser.expectRefusal(404, /\/api\/users\/newcomer\/credits\?/)
  await console_.filter.fill('newcomer')
  await console_.part('no-accounts').waitFor()
  await picture(console_.page, '61-credits-unlisted')
  await console_.filter.press('Enter')
  await console_.page.waitForURL(/\/credits\/newcomer$/)
  await console_.part('unknown-account').waitFor()
  await picture(console_.page, '61-credits-unknown')
})

test('an amount that makes no sense is told where it is typed', async () => {
  await console_.part('give').click()
  for (const bad of ['0', '-1', '1e3', '0.0000001']) {
    await fill('give-credits', bad)
    await console_.page.locator('#give-credits-note.fault').waitFor()
    expect(await console_.part('save-setup').isDisabled()).toBe(true)
  }
})

test('a day that has passed is refused in the dialog, and what was typed stays', async () => {
  console_.browser.expectRefusal(422, /\/api\/users\/newcomer\/credits$/)
  await fill('give-credits', '12.5')
  await fill('give-note', 'For a start')
  await fill('give-expires', '2001-01-01')
  await save()
  await console_.page.locator('.el-dialog .refusal').waitFor()
  expect(await console_.page.locator('#give-note').inputValue()).toBe('For a start')
})

test('credits are granted until a day, with a note', async () => {
  await fill('give-expires', NEXT_YEAR)
  await picture(console_.page, '62-credits-give')
  await save()
  await console_.page.locator('.el-dialog').waitFor({ state: 'detached' })
  await balance().getByText('12.5').waitFor()
  expect(await balance().innerText()).not.toContain('none left')
  await entries('grant').getByText('For a start').waitFor()
  expect(await console_.part('grant').innerText()).toMatch(/12\.5 of 12\.5\s+until Mar 4/)
})

test('an answer that was lost does not make the gift twice', async () => {
  await console_.part('give').click()
  await console_.part('choose-top_up').click()
  await fill('give-credits', '0.000001')
  // The backend does it, and its answer never arrives.
  const path = '**/api/users/newcomer/credits'
  await console_.page.route(path, async (route) => {
    await route.fetch()
    await route.fulfill({
      status: 503,
      contentType: 'application/problem+json',
      body: '{"detail":"It was lost."}',
    })
  })
  console_.browser.expectRefusal(503, /\/credits$/)
  await save()
  await console_.page.locator('.el-dialog .refusal').getByText('It was lost.').waitFor()
  await console_.page.unroute(path)
  await save()
  await console_.page.locator('.el-dialog').waitFor({ state: 'detached' })
  await balance().getByText('12.500001').waitFor()
  expect(await entries('top_up').count()).toBe(1)
  await picture(console_.page, '63-credits-account')
})

test('what calls cost is in the history, and leads to the usage', async () => {
  await console_.open('/credits/walker')
  await entries('charge').first().getByText('-1.8').waitFor()
  expect(await entries('charge').count()).toBe(4)
  const href = await console_.page.getByRole('link', { name: 'History as CSV' }).getAttribute('href')
  const table = await (await console_.api('GET', href ?? '')).text()
  expect(table.match(/,charge,-1\.8,/g)).toHaveLength(4)
  await picture(console_.page, '64-credits-history')
  await console_.page.locator('.page-head').getByRole('link', { name: 'Usage' }).click()
  await console_.page.locator('[data-usage="walk/slow"]').waitFor()
})

test('older lines are read when they are asked for', async () => {
  for (let gift = 0; gift < 55; gift++) {
    const answer = await console_.api('POST', '/api/users/collector/credits', { credits: '1' })
    expect(answer.status()).toBe(201)
  }
  await console_.open('/credits/collector')
  await expect.poll(() => entries('grant').count()).toBe(50)
  await console_.part('older').click()
  await expect.poll(() => entries('grant').count()).toBe(55)
  expect(await console_.part('older').count()).toBe(0)
})

test('many users are shown a page at a time, with a balance each', async () => {
  for (let number = 10; number < 35; number++) {
    const answer = await console_.api('POST', '/api/llm/keys', { user: `many-${number}` })
    expect(answer.status()).toBe(201)
  }
  await console_.open('/credits')
  await console_.filter.fill('many-')
  await account('many-10').getByText('none left').waitFor()
  expect(await console_.page.locator('[data-account]').count()).toBe(20)
  await picture(console_.page, '65-credits-page')
  await console_.part('next-page').click()
  await account('many-34').getByText('none left').waitFor()
  expect(await console_.page.locator('[data-account]').count()).toBe(5)
  expect(await console_.part('next-page').isDisabled()).toBe(true)
})

test('a balance that does not last a week is marked', async () => {
  // At 7.2 in 30 days, 1.5 are spent in a little more than 6.
  await console_.page.route('**/api/users/walker/credits?*', async (route) => {
    const answer = await route.fetch()
    await route.fulfill({ response: answer, json: { ...(await answer.json()), balance: '1.5' } })
  })
  await console_.open('/credits')
  await account('walker').getByText('low', { exact: true }).waitFor()
  await account('walker').getByText('6 days').waitFor()
})

test('all of it in Chinese, in the dark, on a phone', async () => {
  await console_.press('language')
  await console_.page.getByRole('heading', { name: '积分', exact: true }).waitFor()
  await console_.press('theme')
  await picture(console_.page, '66-credits-zh-dark')
  await console_.page.setViewportSize(PHONE)
  const wider = () => console_.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  for (const [name, path] of [
    ['list', '/credits'],
    ['account', '/credits/newcomer'],
  ] as const) {
    await console_.open(path)
    await console_.page.locator('.panel').first().waitFor()
    await expect.poll(wider, { message: `${path} scrolls sideways` }).toBe(0)
    await picture(console_.page, `67-credits-phone-${name}`)
  }
  await console_.part('give').click()
  await console_.page.locator('#give-credits').waitFor()
  await picture(console_.page, '68-credits-phone-give')
  await console_.page.setViewportSize(DESKTOP)
})
