/**
 * A walk through the real console in a real Chromium, as an operator would take it: sign in, create an instance, talk to
 * it, break and mend its configuration, read its logs, stop, start, rotate, look at it on a phone, remove it. Waits on
 * conditions only. Each step stands on the one before it.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { DESKTOP, PHONE, picture, WatchedBrowser } from './browser'
import { Console } from './console'
import { password, user } from './settings'

const ID = `walk-${Date.now().toString(36)}`
const CODE = 'const basket = ["lobster"]'

let browser: WatchedBrowser
let console_: Console
let token = ''
let address = ''

beforeAll(async () => {
  browser = await WatchedBrowser.launch()
  console_ = new Console(await browser.page())
})
afterAll(() => browser?.close())
/** The console keeps to a host of its own, and so does its cookie. */
const origin = () => new URL(console_.page.url()).origin

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await picture(console_.page, 'failed')
  expect(browser.errors).toEqual([])
})

test('a wrong password is refused where it was typed', async () => {
  browser.expectRefusal(401, /\/api\/(session|login)$/)
  await console_.open('/instances')
  await console_.signIn(user, `${password}-not`)
  await console_.page.getByRole('alert').waitFor()
  await picture(console_.page, '01-sign-in-refused')
})

test('the right one leads where the visitor was heading', async () => {
  await console_.signIn(user, password)
  await console_.page.waitForURL(/\/instances$/)
  await console_.page.locator('.page-head h1').waitFor()
  await picture(console_.page, '02-instances-before')
})

test('an empty creel leads to the first instance', async () => {
  await console_.part('create-first').waitFor()
  await console_.open('/')
  await console_.page.locator('.plot svg').first().waitFor()
  await picture(console_.page, '02-first-run')
  await console_.part('create-first').click()
  await console_.page.locator('#create-id').waitFor()
  await console_.page.keyboard.press('Escape')
  await console_.page.locator('#create-id').waitFor({ state: 'hidden' })
})

test('an id is checked while it is typed', async () => {
  await console_.open('/instances?create=1')
  const id = console_.page.locator('#create-id')
  for (const bad of ['../x', 'Upper', '-edge', 'x'.repeat(41)]) {
    await id.fill(bad)
    await console_.page.locator('#create-id-note.fault').waitFor()
  }
  await picture(console_.page, '03-create-bad-id')
})

test('an instance is created, and its token shown once', async () => {
  await console_.page.locator('#create-id').fill(ID)
  await console_.page.locator('#create-name').fill('The walk')
  await console_.page.locator('#create-id-note.good').waitFor()
  await picture(console_.page, '04-create')
  await console_.page.locator('.form button[type=submit]').click()
  token = await console_.part('token').innerText()
  expect(token).not.toBe('')
  await console_.page.locator('.token .copy-button').click()
  expect(await console_.page.evaluate(() => navigator.clipboard.readText())).toBe(token)
  await picture(console_.page, '05-token-once')
})

test('one click leads to the chat, and it comes up by itself', async () => {
  await console_.part('talk').click()
  await console_.status('running')
  await expect.poll(() => console_.page.locator('.chat-composer textarea').isEnabled()).toBe(true)
  await console_.tab('overview')
  address = await console_.part('address').innerText()
  expect(address).toMatch(/^https?:\/\//)
  await console_.page.locator('.log-view .live.connected').waitFor()
  await picture(console_.page, '06-overview')
})

test('the dashboard shows the host, and counts it', async () => {
  await console_.open('/')
  await expect.poll(() => console_.part('count-running').locator('b').innerText()).not.toBe('0')
  await console_.page.locator('.plot svg').first().waitFor()
  await picture(console_.page, '06-dashboard')
})

test('the list shows it, and finds it', async () => {
  await console_.open('/instances')
  await console_.filter.fill(ID)
  await console_.row(ID).locator('.running').waitFor()
  await expect.poll(() => console_.page.locator('.table .row').count()).toBe(1)
  await picture(console_.page, '07-instances')
  await console_.row(ID).getByRole('link').click()
})

test('it answers in the chat', async () => {
  await console_.tab('chat')
  await console_.say('Hello from the console')
  expect(await console_.answer()).not.toBe('')
  await picture(console_.page, '08-chat')
})

test('what was said is there after a reload', async () => {
  const said = await console_.page.locator('.chat-message').allInnerTexts()
  await console_.page.reload()
  await console_.page.locator('.chat-message').first().waitFor()
  await expect.poll(() => console_.page.locator('.chat-message').allInnerTexts()).toEqual(said)
})

test('Enter that ends a composition does not send', async () => {
  const sent = await console_.page.locator('.chat-message').count()
  const area = console_.page.locator('.chat-composer textarea')
  await area.fill('ni hao')
  await area.evaluate((element) =>
    element.dispatchEvent(
      new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }),
    ),
  )
  expect(await area.inputValue()).toBe('ni hao')
  expect(await console_.page.locator('.chat-message').count()).toBe(sent)
  await area.fill('')
})

test('a broken configuration is refused at its line', async () => {
  browser.expectRefusal(422, new RegExp(`/api/instances/${ID}/config$`))
  await console_.tab('configuration')
  await console_.page.locator('.cm-content').fill('{\n  gateway: {\n    port: ,\n  },\n}\n')
  await console_.part('save').click()
  const finding = console_.part('findings').locator('li.error').first()
  expect(await finding.innerText()).toMatch(/Line 3\b/)
  const active = console_.page.locator('.cm-lineNumbers .cm-activeLineGutter')
  await expect.poll(() => active.innerText()).toBe('3')
  await console_.page.locator('.cm-lint-marker-error').waitFor()
  await picture(console_.page, '09-config-broken')
})

test('a mended one is saved, comments kept', async () => {
  const read = async () => {
    const response = await console_.page.request.get(`${origin()}/api/instances/${ID}/config`)
    return ((await response.json()) as { content: string }).content
  }
  const original = await read()
  await console_.page.locator('.cm-content').fill(`// mended by the walk\n${original}`)
  await console_.part('save').click()
  await expect.poll(() => console_.part('config-state').innerText()).toContain('Saved')
  expect(await read()).toContain('// mended by the walk')
  await picture(console_.page, '10-config-mended')
})

test('what was changed elsewhere is shown beside what was typed', async () => {
  const config = `/api/instances/${ID}/config`
  browser.expectRefusal(412, new RegExp(`${config}$`))
  const content = async () =>
    ((await (await console_.api('GET', config)).json()) as { content: string }).content
  const before = await content()
  const theirs = `// theirs\n${before}`
  expect((await console_.api('PUT', config, { content: theirs })).ok()).toBe(true)

  await console_.page.locator('.cm-content').fill(`// mine\n${before}`)
  await console_.part('save').click()
  await console_.part('conflict').waitFor()
  await console_.page.locator('.compare .cm-line', { hasText: '// theirs' }).waitFor()
  await console_.page.locator('.compare .cm-line', { hasText: '// mine' }).waitFor()
  await picture(console_.page, '10-config-conflict')
  expect(await content()).toBe(theirs)
  await console_.part('keep-mine').click()
  await console_.part('conflict').waitFor({ state: 'detached' })
  await console_.part('save').click()
  await expect.poll(content).toBe(`// mine\n${before}`)
})

test('leaving unsaved changes is asked about', async () => {
  await console_.page.locator('.cm-content').press('Control+End')
  await console_.page.keyboard.type(' ')
  await console_.tab('logs')
  const question = console_.page.locator('.el-message-box')
  await question.waitFor()
  await question.locator('button.el-button--primary').click()
  await console_.part('log-lines').waitFor()
})

test('logs arrive live beside the buttons', async () => {
  await console_.page.locator('.log-view .live.connected').waitFor()
  const lines = console_.part('log-lines').locator('> div')
  await lines.first().waitFor()
  const before = await lines.count()
  await console_.part('restart').click()
  await expect.poll(() => lines.count()).toBeGreaterThan(before)
  await console_.part('restart').and(console_.page.locator(':enabled')).waitFor()
  await console_.status('running')
})

test('a search marks what it finds, and says when there is nothing', async () => {
  const last = await console_.part('log-lines').locator('> div').last().innerText()
  const word = /[A-Za-z]{3,}/.exec(last)?.[0] ?? last.slice(0, 3)
  const field = console_.page.locator('.log-bar input')
  await field.fill(word)
  await console_.page.locator('.log-view .current mark').first().waitFor()
  expect(await console_.part('log-matches').innerText()).toMatch(/^\d+ of \d+$/)
  await picture(console_.page, '11-logs-search')
  await field.fill('nothing-says-this')
  await expect.poll(() => console_.part('log-matches').innerText()).toBe('No match')
  await field.fill('')
})

test('the log is downloaded whole', async () => {
  const [download] = await Promise.all([
    console_.page.waitForEvent('download'),
    console_.page.locator('.log-bar a[download]').click(),
  ])
  expect(await download.failure()).toBeNull()
})

test('it stops and starts again', async () => {
  await console_.part('stop').click()
  await console_.status('stopped')
  await console_.tab('chat')
  expect(await console_.page.locator('.chat-composer textarea').isDisabled()).toBe(true)
  await console_.part('start').click()
  await console_.status('running')
})

test('a code block crosses the webchat page whole', async () => {
  const page = await browser.page()
  await page.goto(`${address}/#token=${token}`)
  const chat = new Console(page)
  await page.locator('.chat-composer textarea').waitFor()
  expect(page.url()).not.toContain(token)
  await chat.say(`What does this do?\n\n\`\`\`js\n${CODE}\n\`\`\``)
  expect(await chat.answer()).not.toBe('')
  const block = page.locator('.markdown .code').first()
  expect(await block.locator('code').innerText()).toContain(CODE)
  await block.locator('.code-copy').click()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(CODE)
  await picture(page, '12-webchat')

  await page.reload()
  await page.locator('.session-open').first().click()
  await page.locator('.chat-message.assistant').waitFor()
  await page.getByLabel('切换到中文').click()
  await page.getByPlaceholder('输入消息').waitFor()
  await page.getByLabel('浅色或深色').click()
  await picture(page, '13-webchat-zh-dark')
  await page.setViewportSize(PHONE)
  await picture(page, '14-webchat-phone')
  await page.getByLabel('打开会话列表').click()
  await picture(page, '15-webchat-phone-sessions')
  // The console's conversation is a session of the same instance, and stays.
  const before = await page.locator('.session-open').count()
  await page.getByLabel('删除会话').first().click()
  await page.locator('.session-sure').click()
  await expect.poll(() => page.locator('.session-open').count()).toBe(before - 1)
  await page.close()
})

test('a rotated token shuts the old one out', async () => {
  await console_.tab('token')
  await console_.part('rotate').click()
  await console_.page.locator('.el-message-box button.el-button--primary').click()
  await expect.poll(() => console_.part('token').innerText()).not.toBe(token)
  const hasFocus = () => console_.part('copy').evaluate((button) => button === document.activeElement)
  await expect.poll(hasFocus).toBe(true)
  await picture(console_.page, '16-token-rotated')
  await console_.status('running')

  browser.expectRefusal(401, /\/api\/v1\/sessions$/)
  const page = await browser.page()
  await page.goto(`${address}/#token=${token}`)
  await page.locator('.gate-refused').waitFor()
  await picture(page, '17-webchat-gate')
  await page.close()
})

test('it speaks Chinese, and remembers', async () => {
  await console_.press('language')
  await console_.page.getByRole('link', { name: '仪表盘' }).first().waitFor()
  await console_.open('/')
  await console_.page.getByRole('heading', { name: '最近事件' }).waitFor()
  await console_.page.locator('.plot svg').first().waitFor()
  const events = console_.page.locator('.activity li')
  await expect
    .poll(() => events.filter({ hasText: ID }).allInnerTexts())
    .toContainEqual(expect.stringMatching(/已就绪，端口 \d+，进程 \d+/))
  // Every event has its Chinese words: no English sentence is left among them.
  for (const text of await console_.page.locator('.activity .what').allInnerTexts()) {
    expect(text.replace(ID, '')).not.toMatch(/[a-z]+ [a-z]+ [a-z]+/)
  }
  await picture(console_.page, '18-dashboard-zh')
})

test('it goes dark', async () => {
  await console_.press('theme')
  await console_.page.locator('html.dark').waitFor({ state: 'attached' })
  await picture(console_.page, '19-dashboard-zh-dark')
  await console_.open(`/instances/${ID}`)
  await console_.status('running')
  await picture(console_.page, '20-overview-dark')
  await console_.press('language')
})

test('it is readable on a phone', async () => {
  await console_.page.setViewportSize(PHONE)
  for (const [path, name] of [
    ['/', '21-phone-dashboard'],
    ['/instances', '22-phone-instances'],
    [`/instances/${ID}`, '23-phone-instance'],
    [`/instances/${ID}/logs`, '24-phone-logs'],
    [`/instances/${ID}/chat`, '25-phone-chat'],
    [`/instances/${ID}/configuration`, '26-phone-configuration'],
  ] as const) {
    await console_.open(path)
    await console_.page.locator('.page > *').nth(1).waitFor()
    const wider = () => console_.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    await expect.poll(wider, { message: `${path} scrolls sideways` }).toBe(0)
    await picture(console_.page, name)
  }
  await console_.page.setViewportSize(DESKTOP)
  await console_.press('theme')
})

test('the API describes itself', async () => {
  await console_.open('/docs')
  const operation = console_.page.locator('.operation', { hasText: '/api/instances' }).first()
  await operation.locator('summary').first().click()
  await operation.locator('.try button[type=submit]').click()
  await operation.locator('.answer').waitFor()
  await picture(console_.page, '27-docs')
})

test('the keyboard alone opens an instance', async () => {
  await console_.open(`/instances?q=${ID}`)
  await console_.row(ID).waitFor()
  await console_.row(ID).getByRole('link').focus()
  await console_.page.keyboard.press('Enter')
  await console_.status('running')
})

test('what was kept of a removed instance is handed to nobody without a word', async () => {
  await console_.part('remove').click()
  await console_.part('confirm-remove').click()
  await expect.poll(() => console_.row(ID).count()).toBe(0)
  await console_.open('/instances?create=1')
  await console_.page.locator('#create-id').fill(ID)
  const submit = console_.page.locator('.form button[type=submit]')
  browser.expectRefusal(409, /\/api\/instances$/)
  await submit.click()
  await console_.part('kept-purge').check()
  expect(await submit.isDisabled()).toBe(true)
  await picture(console_.page, '28-kept-data')
  await console_.part('kept-use').check()
  await submit.click()
  token = await console_.part('token').innerText()
  await console_.part('open-instance').click()
  await console_.status('running')
})

test('removing with purge is confirmed by typing the id, and leaves nothing', async () => {
  await console_.part('remove').click()
  await console_.part('purge-true').check()
  expect(await console_.part('confirm-remove').isDisabled()).toBe(true)
  await picture(console_.page, '28-remove')
  await console_.page.locator('.el-dialog form .el-input input').fill(ID)
  await console_.part('confirm-remove').click()
  await console_.page.waitForURL(/\/instances$/)
  await expect.poll(() => console_.row(ID).count()).toBe(0)
  browser.expectRefusal(404, new RegExp(`/api/instances/${ID}`))
  const response = await console_.page.request.get(`${origin()}/api/instances/${ID}`)
  expect(response.status()).toBe(404)
})

test('the way out leads to sign-in', async () => {
  await console_.press('sign-out')
  await console_.page.waitForURL(/\/sign-in/)
  await console_.open('/')
  await console_.page.waitForURL(/\/sign-in/)
})
