/** The settings: the host and what `creel doctor` finds, drivers, images; templates changed, rolled out and put back. */
import { expect, test } from 'vitest'
import { DESKTOP, picture, SMALL_PHONE } from './browser'
import { signedInAt } from './here'

interface Findings {
  findings: { severity: string; remedy?: string }[]
}

const TEMPLATE = 'native/openclaw.json'
const ID = 'from-template'
/** The line itself, not a comment about it. */
const SESSION = /^\s*session: .*per-peer/m
const DOCTOR = '**/api/doctor'
const console_ = signedInAt('/settings')

const editor = () => console_.page.locator('.cm-content')
const sure = () => console_.page.locator('.el-message-box button.el-button--primary').click()
const config = async () => {
  const answer = await console_.api('GET', `/api/instances/${ID}/config`)
  return ((await answer.json()) as { content: string }).content
}

test('the host is told of, and what could be better, with its remedy', async () => {
  // What this page was told, and none before it: the next answer may find something else.
  const told: Findings[] = []
  await console_.page.goto('about:blank')
  await console_.page.route(DOCTOR, async (route) => {
    const response = await route.fetch()
    told.push((await response.json()) as Findings)
    await route.fulfill({ response })
  })
  await console_.open('/settings')
  await console_.part('system').waitFor()
  await expect.poll(() => told.length).toBe(1)
  await console_.page.unroute(DOCTOR)
  const wrong = told.flatMap(({ findings }) => findings).filter(({ severity }) => severity !== 'ok')
  await expect.poll(() => console_.part('finding').count()).toBe(wrong.length)
  for (const { remedy } of wrong)
    if (remedy) await console_.part('doctor').getByText(remedy.slice(0, 40)).first().waitFor()
  await picture(console_.page, '45-settings-system')
})

test('drivers and images are listed', async () => {
  await console_.part('tab-drivers').click()
  await console_.part('driver-process').waitFor()
  await console_.part('runtime-native').getByText('Here').waitFor()
  await console_.part('runtime-openclaw').getByText('npm').waitFor()
  await picture(console_.page, '45-settings-drivers')
  await console_.part('tab-images').click()
  await console_.page.locator('[data-row="native"]').waitFor()
  await picture(console_.page, '45-settings-images')
})

test('a broken template is refused at its line, and the one in use stays', async () => {
  expect((await console_.api('POST', '/api/instances', { id: ID, start: false })).status()).toBe(201)
  await console_.part('tab-templates').click()
  await console_.part(`template-${TEMPLATE}`).click()
  await editor().waitFor()
  console_.browser.expectRefusal(422, /\/api\/templates\//)
  await editor().fill('{\n  gateway: {\n    port: ,\n  },\n}\n')
  await console_.part('save').click()
  await console_.part('findings').locator('li.error', { hasText: 'Line 3' }).waitFor()
  await picture(console_.page, '46-template-broken')
})

test('a changed template is brought to an instance when somebody says so', async () => {
  const answer = await console_.api('GET', `/api/templates/${TEMPLATE}`)
  const { builtin } = (await answer.json()) as { builtin: string }
  const line = '  session: { dmScope: "per-peer" }, // of the walk\n'
  const before = await config()
  await editor().fill(builtin.replace(/\{\n/, `{\n${line}`))
  await console_.part('save').click()
  await expect.poll(() => console_.part('config-state').innerText()).toContain('Saved')
  await console_.part('compare-builtin').click()
  await console_.page.locator('.compare .cm-changedLine', { hasText: 'of the walk' }).waitFor()
  await picture(console_.page, '46-template-compare')
  await console_.page.keyboard.press('Escape')
  expect(await config()).toBe(before)

  await console_.part('rollout').click()
  await console_.part(`differs-${ID}`).locator('summary').click()
  await console_
    .part(`differs-${ID}`)
    .locator('ins', { hasText: /^\+.*of the walk/ })
    .waitFor()
  await picture(console_.page, '47-template-rollout')
  // One, a selection, or all.
  await console_.part('mark-differing').locator('input').uncheck()
  expect(await console_.part('sync-marked').isDisabled()).toBe(true)
  await console_.part(`differs-${ID}`).getByRole('checkbox').check()
  await console_.part('sync-marked').click()
  await console_.part('rollout-none').waitFor()
  expect(await config()).toMatch(SESSION)
  await console_.page.keyboard.press('Escape')
})

test('where a person and a template differ, somebody decides, for that instance alone', async () => {
  const { builtin } = (await (await console_.api('GET', `/api/templates/${TEMPLATE}`)).json()) as {
    builtin: string
  }
  const mine = (await config()).replace('200/minute', '100/minute')
  expect((await console_.api('PUT', `/api/instances/${ID}/config`, { content: mine })).ok()).toBe(true)
  const content = builtin.replace('200/minute', '300/minute')
  expect((await console_.api('PUT', `/api/templates/${TEMPLATE}`, { content })).ok()).toBe(true)

  await console_.part('rollout').click()
  const differs = console_.part(`differs-${ID}`)
  await differs.locator('summary').click()
  await differs.getByText('gateway.rateLimit').first().waitFor()
  expect(await differs.getByRole('checkbox').count()).toBe(0)
  expect(await console_.part('sync-marked').isDisabled()).toBe(true)
  await picture(console_.page, '47-template-conflict')
  await differs.getByRole('link').click()
  await console_.part('compare-template').click()
  await console_.part('conflicts-template').check()
  await console_.part('sync').click()
  await console_.page.getByText('This file is as the templates would have it.').waitFor()
  expect(await config()).toContain('300/minute')
  await console_.open(`/settings/templates?file=${TEMPLATE}`)
  await console_.part('reset-template').waitFor()
})

test('the built-in one is put back, and an instance shows what that changes in it', async () => {
  await console_.part('reset-template').click()
  await sure()
  await console_.part('reset-template').waitFor({ state: 'detached' })
  await console_.open(`/instances/${ID}/configuration`)
  await console_.part('compare-template').click()
  await console_.part('sync').waitFor()
  await picture(console_.page, '48-instance-sync')
  await console_.part('sync').click()
  await console_.page.getByText('This file is as the templates would have it.').waitFor()
  expect(await config()).not.toMatch(SESSION)
  await console_.api('DELETE', `/api/instances/${ID}?purge=true`)
})

test('all of it in Chinese, in the dark, on a phone', async () => {
  await console_.open('/settings')
  await console_.press('language')
  await console_.press('theme')
  await console_.page.getByRole('heading', { name: '设置' }).waitFor()
  await picture(console_.page, '49-settings-zh-dark')
  await console_.page.setViewportSize(SMALL_PHONE)
  const wider = () => console_.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  for (const [section, part] of [
    ['', '[data-test="system"]'],
    ['drivers', '[data-test="driver-process"]'],
    ['images', '[data-row="native"]'],
    ['templates', '.cm-content'],
  ] as const) {
    await console_.open(`/settings/${section}`)
    await console_.page.locator(part).waitFor()
    await expect.poll(wider, { message: `${section} scrolls sideways` }).toBe(0)
    await picture(console_.page, `49-small-settings-${section || 'system'}`)
  }
  await console_.part('rollout').click()
  await console_.part('rollout-none').waitFor()
  await picture(console_.page, '49-small-rollout')
  await console_.page.setViewportSize(DESKTOP)
})
