/** The page of users themselves: sign in, see what was used and what is left, tokens, identity, configuration, conversation. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { DESKTOP, picture, SMALL_PHONE, WatchedBrowser } from './browser'
import { Console } from './console'
import { user as administrator, password as adminToken } from './settings'

// `usage.test.ts` has spent as this one.
const ID = 'walker'
const PASSWORD = 'a password of the walk'
const NEXT = 'another password of the walk'
let browser: WatchedBrowser
let me: Console

beforeAll(async () => {
  browser = await WatchedBrowser.launch()
  me = new Console(await browser.page())
  // `users.test.ts` may have made them already.
  await me.api('POST', '/api/users', { id: ID })
  const answer = await me.api('PATCH', `/api/users/${ID}`, { password: PASSWORD })
  expect(answer.status(), await answer.text()).toBe(200)
  browser.expectRefusal(401, /\/api\/me$/)
})
afterAll(() => browser?.close())
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await picture(me.page, 'failed')
  expect(browser.errors).toEqual([])
})

async function signIn(id: string, password: string) {
  await me.page.locator('#id').fill(id)
  await me.page.locator('#password').fill(password)
  await me.page.locator('form button[type=submit]').click()
}
const place = (name: string) => me.part(`place-${name}`).click()
const text = () => me.page.locator('.cm-content')

test('it is not the console, and carries none of its weight', async () => {
  const loaded: string[] = []
  me.page.on('response', (response) => {
    if (response.url().endsWith('.js')) loaded.push(response.url())
  })
  await me.open('/me')
  await me.page.locator('#id').waitFor()
  expect(loaded.join('\n')).not.toMatch(/AppFrame|vue-router|vue-i18n|button|PlotCanvas|JsonEditor/)
  await picture(me.page, '90-me-sign-in')
})

test('a wrong password is refused where it was typed, and an administrator is no user', async () => {
  browser.expectRefusal(401, /\/api\/auth\/login$/)
  for (const [id, password] of [
    [ID, `${PASSWORD}-not`],
    ['nobody', PASSWORD],
    [administrator, adminToken],
  ] as const) {
    await signIn(id, password)
    await me.page.getByRole('alert').getByText('Wrong id or password.').waitFor()
  }
  await picture(me.page, '91-me-refused')
})

test('where the company has its own sign-in, there is a way to it and back, and what went wrong there is said', async () => {
  const viaCompany = async () => {
    expect(await me.part('oidc').innerText()).toBe('Sign in with Corp SSO')
    await me.part('oidc').click()
    // On another site, as far as cookies go.
    await me.page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\/authorize/)
    await me.page.getByRole('link', { name: 'Continue' }).click()
  }
  await me.open('/me')
  await viaCompany()
  await me.page.getByRole('alert').getByText('That account may not sign in here.').waitFor()
  expect(me.page.url()).not.toContain('error')
  await picture(me.page, '91-me-oidc')

  const made = await me.api('POST', '/api/users', { id: 'ann@example.com', name: 'Ann' })
  expect(made.status(), await made.text()).toBe(201)
  await me.open('/me/tokens')
  await viaCompany()
  await me.page.locator('.who').getByText('Ann').waitFor()
  await me.page.waitForURL(/\/me\/tokens$/)
  await me.part('no-token').waitFor()
  await me.page.reload()
  await me.page.locator('.who').getByText('Ann').waitFor()
  await picture(me.page, '91-me-oidc-in')
  await me.press('sign-out')
  await me.page.locator('#id').waitFor()
  expect((await me.api('DELETE', '/api/users/ann%40example.com')).status()).toBe(204)
  await me.open('/me')
})

test('what was used and what is left is there as plots', async () => {
  await signIn(ID, PASSWORD)
  await me.part('total-credits').getByText('7.2').waitFor()
  await me.part('balance').getByText('92.8').waitFor()
  await me.page.locator('.plot svg').nth(2).waitFor()
  expect(await me.page.locator('[data-entry="charge"]').count()).toBe(4)
  await picture(me.page, '92-me-usage')
  const href = await me.page.getByRole('link', { name: 'History as CSV' }).getAttribute('href')
  const table = await me.page.evaluate(async (path) => (await fetch(path ?? '')).text(), href)
  expect(table.match(/,charge,-1\.8,/g)).toHaveLength(4)
})

test('what is the administrator’s is not theirs', async () => {
  const asked = ['/api/users', `/api/users/${ID}`, '/api/instances', '/api/usage', '/api/llm/keys']
  browser.expectRefusal(401, new RegExp(`(${asked.join('|')})$`))
  const statuses = await me.page.evaluate(
    (paths) => Promise.all(paths.map(async (path) => (await fetch(path)).status)),
    asked,
  )
  expect(statuses).toEqual(asked.map(() => 401))
})

test('an identity is written, and given back to the service', async () => {
  await place('identity')
  await me.part('identity-none').waitFor()
  const area = me.page.locator('textarea')
  await area.fill('# Who you are\n\nA lighthouse keeper, brief and kind.')
  // What was typed waits while something else is looked at.
  await place('account')
  await me.page.locator('#next').waitFor()
  await place('identity')
  expect(await area.inputValue()).toContain('A lighthouse keeper')
  await me.part('identity-save').click()
  await me.part('identity-state').getByText('Saved.').waitFor()
  await picture(me.page, '93-me-identity')
  await me.page.reload()
  await expect.poll(() => area.inputValue()).toContain('A lighthouse keeper')
  await me.part('identity-drop').click()
  await me.part('identity-none').waitFor()
  expect(await area.inputValue()).toBe('')
})

test('a broken configuration is refused at its line, and what was changed elsewhere is shown', async () => {
  browser.expectRefusal(422, /\/api\/me\/config$/)
  browser.expectRefusal(412, /\/api\/me\/config$/)
  await place('configuration')
  await text().fill('{\n  agents: { defaults: {\n    model: 7 } },\n}')
  await me.part('config-save').click()
  await me.part('findings').getByText('Line 3').waitFor()
  await picture(me.page, '94-me-config-broken')

  const theirs = { agents: { defaults: { systemPrompt: 'Theirs.' } } }
  expect((await me.api('PATCH', `/api/users/${ID}/config`, theirs)).ok()).toBe(true)
  await text().fill("{ agents: { defaults: { systemPrompt: 'Mine.' } } }")
  await me.part('config-save').click()
  await me.page.locator('.compare .cm-line', { hasText: 'Theirs.' }).waitFor()
  await picture(me.page, '95-me-config-conflict')
  await me.part('keep-mine').click()
  await me.part('config-save').click()
  await me.part('config-state').getByText('Saved.').waitFor()
  expect(await text().innerText()).toContain("systemPrompt: 'Mine.'")
})

test('a password is changed by who knows the present one', async () => {
  browser.expectRefusal(401, /\/api\/me\/password$/)
  await place('account')
  await me.page.locator('#present').fill('not this one')
  await me.page.locator('#next').fill('short')
  await me.page.locator('#next-note.fault').waitFor()
  await me.page.locator('#next').fill(NEXT)
  await me.part('set-password').click()
  await me.page.getByRole('alert').getByText('The present password is wrong.').waitFor()
  await me.page.locator('#present').fill(PASSWORD)
  await me.part('set-password').click()
  await me.part('password-set').waitFor()
  await picture(me.page, '96-me-account')
})

test('a token is made, replaced and revoked, and shown once', async () => {
  await place('tokens')
  await me.part('no-token').waitFor()
  await me.part('make').click()
  const first = await me.part('token').locator('code').innerText()
  expect(first).toMatch(/^gt_\w{32}$/)
  await me.part('token').locator('[data-test="copy"]').click()
  expect(await me.page.evaluate(() => navigator.clipboard.readText())).toBe(first)
  await picture(me.page, '96-me-token')
  await me.part('make').click()
  await me.part('sure').click()
  await expect.poll(() => me.part('token').locator('code').innerText()).not.toBe(first)

  await me.page.locator('#token-name').fill('Laptop')
  await me.page.locator('#token-name-note.fault').waitFor()
  await me.page.locator('#token-name').fill('laptop')
  await me.page.locator('#token-day').fill(`${new Date().getUTCFullYear() + 1}-03-04`)
  await me.part('make').click()
  await me.part('token-row').getByText('until Mar 4').waitFor()
  await me.page.getByRole('button', { name: 'Revoke laptop' }).click()
  await me.part('sure').click()
  await expect.poll(() => me.part('token-row').count()).toBe(1)
  await place('usage')
  await place('tokens')
  expect(await me.part('token').count()).toBe(0)
})

test('until there is a gateway for users, the chat says so', async () => {
  await place('chat')
  await me.part('chat-off').waitFor()
  expect(await me.page.locator('.chat-composer textarea').isDisabled()).toBe(true)
})

test('with one, the assistant answers, and remembers', async () => {
  const gateway = await me.api('PUT', '/api/system/users-gateway', {})
  expect(gateway.status(), await gateway.text()).toBe(200)
  await me.page.reload()
  await expect.poll(() => me.page.locator('.chat-composer textarea').isEnabled()).toBe(true)
  await me.say('What does this do?\n\n```js\nconst basket = []\n```')
  expect(await me.answer()).not.toBe('')
  await me.page.locator('.markdown .code').first().waitFor()
  await me.page.locator('.session-open').first().waitFor()
  await picture(me.page, '97-me-chat')
  await me.page.reload()
  await me.page.locator('.session-open').first().click()
  await me.page.locator('.chat-message.assistant').waitFor()
  await me.page.locator('.session-new').click()
  await me.say('Another one')
  expect(await me.answer()).not.toBe('')
  await expect.poll(() => me.page.locator('.session-open').count()).toBe(2)
  await me.page.getByLabel('Delete session').first().click()
  await me.page.locator('.session-sure').click()
  await expect.poll(() => me.page.locator('.session-open').count()).toBe(1)
})

test('a part that does not come is told of', async () => {
  const part = /ConfigSection/
  await me.page.reload()
  await me.page.route(part, (route) => route.abort('connectionrefused'))
  browser.expectError('net::ERR_', part)
  browser.expectError('Failed to fetch dynamically imported module', /\/assets\//)
  browser.expectError('Unable to preload', /\/assets\//)
  await place('configuration')
  await me.part('part-missing').waitFor()
  await picture(me.page, '97-me-part-missing')
  await me.page.unroute(part)
  await me.part('part-missing').getByRole('button').click()
  await text().waitFor()
  expect(await me.part('part-missing').count()).toBe(0)
})

test('back and forward lead through the parts, and the keyboard reaches them', async () => {
  await place('configuration')
  await place('account')
  await me.page.goBack()
  await text().waitFor()
  await me.page.goForward()
  await me.page.locator('#next').waitFor()
  await me.part('place-identity').focus()
  await me.page.keyboard.press('Enter')
  await me.page.locator('textarea').waitFor()
  await me.page.waitForURL(/\/me\/identity$/)
})

test('all of it in Chinese, in the dark, on a phone', async () => {
  await me.press('language')
  await me.page.getByRole('heading', { name: '身份' }).waitFor()
  await me.press('theme')
  await place('usage')
  await me.page.locator('.plot svg').nth(2).waitFor()
  await picture(me.page, '98-me-zh-dark')
  const wider = () => me.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  await me.page.setViewportSize(SMALL_PHONE)
  for (const [name, part] of [
    ['usage', '.plot svg'],
    ['chat', '.session-open'],
    ['tokens', '#token-name'],
    ['identity', 'textarea'],
    ['configuration', '.cm-content'],
    ['account', '#next'],
  ] as const) {
    await me.open(name === 'usage' ? '/me' : `/me/${name}`)
    await me.page.locator(part).first().waitFor({ state: 'attached' })
    await expect.poll(wider, { message: `${name} scrolls sideways` }).toBe(0)
    await picture(me.page, `99-me-small-${name}`)
  }
  await me.open('/me/chat')
  await me.part('sessions').click()
  await me.page.locator('.session-open').first().click()
  await me.page.locator('.chat-message.assistant').waitFor()
  await picture(me.page, '99-me-small-conversation')
  await me.page.setViewportSize(DESKTOP)
  await me.press('theme')
  await me.press('language')
})

test('who is disabled is signed out, and the way out leads to the sign-in', async () => {
  expect((await me.api('PATCH', `/api/users/${ID}`, { status: 'disabled' })).ok()).toBe(true)
  browser.expectRefusal(401, /\/api\/me(\/|$)/)
  await place('identity')
  await me.page.locator('#id').waitFor()
  expect((await me.api('PATCH', `/api/users/${ID}`, { status: 'active' })).ok()).toBe(true)
  await signIn(ID, NEXT)
  await me.part('place-usage').waitFor()
  await me.press('sign-out')
  await me.page.locator('#id').waitFor()
  await me.page.reload()
  await me.page.locator('#id').waitFor()
})
