/** Instances in numbers: made in steps with a channel, put to sleep and woken, changed, and handled many at once. */
import { expect, test } from 'vitest'
import { DESKTOP, picture, SMALL_PHONE } from './browser'
import { signedInAt } from './here'

const ID = 'with-channel'
const SLEEPER = 'sleeper'
const KEYED = 'by-keyboard'
const MANY = ['many-1', 'many-2', 'many-3']
const console_ = signedInAt('/instances?create=1')

interface Driver {
  driver: string
  available: boolean
  runtimes: string[]
}

interface Made {
  id: string
  status: string
  idle?: { policy: string; minutes?: number }
  channels: { type: string; config?: Record<string, unknown> }[]
}

const fill = (field: string, text: string) => console_.page.locator(`[id="${field}"]`).fill(text)
const submit = () => console_.page.locator('.form button[type=submit]').click()
const fault = (field: string) => console_.page.locator(`[id="${field}-note"].fault`)
const sure = () => console_.page.locator('.el-message-box button.el-button--primary').click()
const mark = (id: string) => console_.row(id).getByRole('checkbox').check()
const wider = () => console_.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)

const focused = () =>
  console_.page.evaluate(() => {
    const { id, dataset } = document.activeElement as HTMLElement
    return dataset['test'] ?? id
  })
/** By the Tab key, which stays in the dialog. */
async function reach(part: string): Promise<void> {
  for (let presses = 0; (await focused()) !== part; presses++) {
    expect(presses, `the keyboard does not reach ${part}`).toBeLessThan(40)
    await console_.page.keyboard.press('Tab')
    const inside = () => console_.page.evaluate(() => !!document.activeElement?.closest('.el-dialog'))
    expect(await inside(), 'the keyboard has left the dialog').toBe(true)
  }
}

async function read(id: string): Promise<Made> {
  return (await (await console_.api('GET', `/api/instances/${id}`)).json()) as Made
}

test('each driver says whether it is here, and what it needs', async () => {
  await fill('create-id', ID)
  await console_.part('driver-process').waitFor()
  const answer = await console_.api('GET', '/api/drivers')
  const { drivers } = (await answer.json()) as { drivers: Driver[] }
  for (const { driver, available, runtimes } of drivers)
    expect(await console_.part(`driver-${driver}`).isEnabled(), driver).toBe(
      available && runtimes.includes('native'),
    )
  await picture(console_.page, '50-create-basics')
})

test('a channel asks for its own fields, and says where they are found', async () => {
  await console_.part('next-step').click()
  await console_.part('add-channel-feishu').click()
  await submit()
  await fault('channels.feishu.appId').waitFor()
  await console_.page.getByText('Credentials & Basic Info').first().waitFor()
  await picture(console_.page, '51-create-channels')
})

test('what the backend refuses stands at its field', async () => {
  console_.browser.expectRefusal(422, /\/api\/instances$/)
  await fill('channels.feishu.appId', 'cli_walk')
  await fill('channels.feishu.appSecret', 'cli_walk')
  await submit()
  await fault('channels.feishu.appSecret').getByText('swapped').waitFor()
  await fill('channels.feishu.appSecret', 'a-secret-of-the-walk')
})

test('what becomes of it when idle, and its limits, are checked while they are typed', async () => {
  await console_.part('step-running').click()
  await fill('limit-memory', 'plenty')
  await fault('limit-memory').waitFor()
  await fill('limit-memory', '')
  await console_.part('idle-sleep').check()
  await fill('idle-minutes', '0')
  await fault('idle-minutes').waitFor()
  await picture(console_.page, '52-create-running')
  await fill('idle-minutes', '45')
  // Feishu would lose messages.
  await fault('idle-minutes').getByText('stays on').waitFor()
  await console_.part('idle-always').check()
  await submit()
  await console_.part('token').waitFor()
  const made = await read(ID)
  expect(made.idle).toEqual({ policy: 'always' })
  expect(made.channels.map(({ type }) => type)).toEqual(['feishu'])
  expect(JSON.stringify(made)).not.toContain('a-secret-of-the-walk')
  await console_.part('open-instance').click()
  await console_.status('running')
  await console_.part('silent-channels').getByText('Feishu').waitFor()
  await picture(console_.page, '52-silent-channel')
})

test('the keyboard alone makes one, and is where it is needed', async () => {
  const { keyboard } = console_.page
  await console_.open('/instances')
  await console_.part('create').focus()
  await keyboard.press('Enter')
  await expect.poll(focused).toBe('create-id')
  await keyboard.type(KEYED)
  // One key does not throw away what was typed.
  await keyboard.press('Escape')
  await console_.page.locator('.el-message-box').waitFor()
  await keyboard.press('Escape')
  await console_.page.locator('.el-message-box').waitFor({ state: 'hidden' })
  await expect.poll(focused).toBe('create-id')
  await reach('next-step')
  await keyboard.press('Enter')
  await expect.poll(focused).toBe('add-channel-feishu')
  await reach('add-channel-slack')
  await keyboard.press('Enter')
  await expect.poll(focused).toBe('channels.slack.botToken')
  await reach('remove-channel-slack')
  await keyboard.press('Enter')
  await expect.poll(focused).toBe('add-channel-feishu')
  await reach('create-submit')
  await keyboard.press('Enter')
  await console_.part('token').waitFor()
  await expect.poll(focused).toBe('copy')
  await keyboard.press('Escape')
  await console_.part('token').waitFor({ state: 'hidden' })
  await console_.row(KEYED).locator('.running').waitFor()
  expect((await console_.api('DELETE', `/api/instances/${KEYED}?purge=true`)).ok()).toBe(true)
})

test('an instance is put to sleep, and woken', async () => {
  const idle = { policy: 'sleep', minutes: 45 }
  expect((await console_.api('POST', '/api/instances', { id: SLEEPER, idle })).status()).toBe(201)
  await console_.open(`/instances/${SLEEPER}`)
  await console_.status('running')
  await console_.page.getByText('sleeps after 45 min').waitFor()
  await console_.part('sleep').click()
  await console_.status('sleeping')
  await picture(console_.page, '53-instance-asleep')
  await console_.part('wake').click()
  await console_.status('running')
})

test('it is changed without being made anew', async () => {
  await console_.part('change').click()
  await fill('change-name', 'A sleeper')
  await console_.part('idle-always').check()
  await picture(console_.page, '54-instance-change')
  await console_.part('save-setup').click()
  await console_.page.locator('.subject-header .name', { hasText: 'A sleeper' }).waitFor()
  expect((await read(SLEEPER)).idle).toEqual({ policy: 'always' })
})

test('lines of the log are found in all of it, not only in those that are shown', async () => {
  await console_.tab('logs')
  await console_.page.locator('.log-view .live.connected').waitFor()
  const lines = console_.part('log-lines').locator('> div')
  await lines.first().waitFor()
  await console_.part('restart').click()
  // It was ready, it stopped, and it is ready again.
  await expect.poll(() => lines.count()).toBeGreaterThanOrEqual(3)
  const all = await lines.count()
  await console_.page.locator('.log-bar input').fill('gateway stopped')
  await console_.part('log-only').click()
  await expect.poll(() => lines.count()).toBeLessThan(all)
  for (const line of await lines.allInnerTexts()) expect(line).toContain('gateway stopped')
  await picture(console_.page, '55-logs-only')
  await console_.part('log-only').click()
  await expect.poll(() => lines.count()).toBeGreaterThanOrEqual(all)
  await console_.part('log-since').selectOption({ label: '24 hours' })
  await lines.first().waitFor()
})

test('many are marked and handled together', async () => {
  for (const id of MANY)
    expect((await console_.api('POST', '/api/instances', { id, start: false })).status()).toBe(201)
  await console_.open('/instances?q=many-')
  await console_.row(MANY[0] ?? '').waitFor()
  await console_.part('mark-all').locator('input').check()
  await console_.part('marked').getByText('3 marked').waitFor()
  await console_.part('bulk-start').click()
  for (const id of MANY) await console_.row(id).locator('.running').waitFor()
  await console_.part('bulk-sleep').click()
  for (const id of MANY) await console_.row(id).locator('.sleeping').waitFor()
  await picture(console_.page, '56-bulk')
  await console_.part('bulk-wake').click()
  for (const id of MANY) await console_.row(id).locator('.running').waitFor()
  await console_.part('bulk-stop').click()
  await sure()
  for (const id of MANY) await console_.row(id).locator('.stopped').waitFor()
})

test('who is refused is told with the reason, and the others are done', async () => {
  // Of one that is stopped there is nothing to put to sleep.
  expect((await console_.api('POST', `/api/instances/${MANY[0]}/start`)).ok()).toBe(true)
  await console_
    .row(MANY[0] ?? '')
    .locator('.running')
    .waitFor()
  await console_.part('bulk-sleep').click()
  await console_
    .part('bulk-refused')
    .getByText(MANY[1] ?? '')
    .waitFor()
  await console_
    .row(MANY[0] ?? '')
    .locator('.sleeping')
    .waitFor()
  await picture(console_.page, '57-bulk-refused')
  await console_.part('bulk-refused').getByRole('button').click()
})

test('removing many is confirmed by their number', async () => {
  await console_.part('bulk-remove').click()
  await console_.part('purge-true').check()
  expect(await console_.part('confirm-remove').isDisabled()).toBe(true)
  await console_.page.locator('.el-dialog input[data-test="confirm"]').fill('3')
  await picture(console_.page, '58-bulk-remove')
  await console_.part('confirm-remove').click()
  for (const id of MANY) await expect.poll(() => console_.row(id).count()).toBe(0)
})

test('all of it in Chinese, in the dark, on a phone', async () => {
  await console_.press('language')
  await console_.press('theme')
  await console_.page.setViewportSize(SMALL_PHONE)
  await console_.open(`/instances?q=${ID}`)
  await mark(ID)
  await expect.poll(wider).toBe(0)
  await picture(console_.page, '59-small-bulk')
  await console_.open('/instances?create=1')
  for (const step of ['basics', 'channels', 'running']) {
    await console_.part(`step-${step}`).click()
    if (step === 'channels') await console_.part('add-channel-wecom').click()
    await expect.poll(wider).toBe(0)
    await picture(console_.page, `59-small-create-${step}`)
  }
  await console_.open(`/instances/${SLEEPER}`)
  await console_.part('change').click()
  await picture(console_.page, '59-small-change')
  for (const id of [ID, SLEEPER]) await console_.api('DELETE', `/api/instances/${id}?purge=true`)
  await console_.page.setViewportSize(DESKTOP)
})
