/** Users of gateways for many: made one by one and ten thousand at once, found, changed together, each with what they used and have. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { DESKTOP, picture, SMALL_PHONE } from './browser'
import { signedInAt } from './here'
import { url } from './settings'

const MANY = 10_000
const many = (number: number) => `many-${String(number).padStart(5, '0')}`

const console_ = signedInAt('/users')

const fill = (field: string, text: string) => console_.page.locator(`#${field}`).fill(text)
const save = () => console_.part('save-setup').click()
const row = (id: string) => console_.page.locator(`[data-user="${id}"]`)
const drawn = () => console_.page.locator('.table .row').count()
const dialog = () => console_.page.locator('.el-dialog')
const sure = () => console_.page.locator('.el-message-box button.el-button--primary').click()
const rows = () => console_.page.locator('.table').getAttribute('aria-rowcount')

async function list(query: string): Promise<{ id: string; status: string }[]> {
  const answer = await console_.api('GET', `/api/users?${query}`)
  return ((await answer.json()) as { users: { id: string; status: string }[] }).users
}

test('where nobody is, the page says what users are', async () => {
  await console_.part('no-users').waitFor()
  await console_.part('make-gateway').waitFor()
  await picture(console_.page, '70-users-none')
})

test('an id is checked while it is typed, and what is typed stays when it is refused', async () => {
  await console_.part('create-user').click()
  for (const bad of ['../x', 'a b', '张三', 'x'.repeat(129)]) {
    await fill('user-id', bad)
    await console_.page.locator('#user-id-note.fault').waitFor()
    expect(await console_.part('save-setup').isDisabled()).toBe(true)
  }
  await fill('user-id', 'alice@example.com')
  await fill('user-name', 'Alice')
  await fill('new-password', 'short')
  await console_.page.locator('#new-password-note.fault').waitFor()
  await console_.part('generate').click()
  expect(await console_.page.locator('#new-password').inputValue()).toMatch(/^\w{20}$/)
  await picture(console_.page, '71-users-create')
})

test('a user is made, and their gateway token shown once', async () => {
  await save()
  const token = await console_.part('token').innerText()
  expect(token).toMatch(/^gt_\w{32}$/)
  await picture(console_.page, '72-users-token-once')
  await console_.part('open-user').click()
  await console_.part('no-usage').waitFor()
  expect(await console_.page.locator('#app').innerText()).not.toContain(token)
  await picture(console_.page, '73-user-new')
})

test('a token is replaced with one that ends, and revoked', async () => {
  await console_.part('tab-token').click()
  await console_.part('known-token').getByText('does not expire').waitFor()
  await fill('token-expires', '2001-01-01')
  console_.browser.expectRefusal(422, /\/token$/)
  await console_.part('make-token').click()
  await sure()
  await console_.page.locator('.token-tab .refusal').waitFor()
  await fill('token-expires', `${new Date().getUTCFullYear() + 1}-03-04`)
  await console_.part('make-token').click()
  await sure()
  await console_.part('token').waitFor()
  await console_.part('known-token').getByText('until Mar 4').waitFor()
  await picture(console_.page, '74-user-token')
  await console_.part('revoke').click()
  await sure()
  await console_.part('no-token').waitFor()
  expect(await console_.part('token').count()).toBe(0)
})

test('a broken configuration is refused at its line, and what was changed elsewhere is shown', async () => {
  const config = '/api/users/alice%40example.com/config'
  console_.browser.expectRefusal(422, /\/config$/)
  console_.browser.expectRefusal(412, /\/config$/)
  await console_.part('tab-configuration').click()
  const text = console_.page.locator('.cm-content')
  await text.fill('{\n  agents: { defaults: {\n    model: 7 } },\n}')
  await console_.part('save').click()
  expect(await console_.part('findings').locator('li.error').first().innerText()).toMatch(/Line 3\b/)
  await picture(console_.page, '75-user-config-broken')

  const theirs = { agents: { defaults: { systemPrompt: 'Theirs.' } } }
  expect((await console_.api('PATCH', config, theirs)).ok()).toBe(true)
  await text.fill("{ agents: { defaults: { systemPrompt: 'Mine.' } } }")
  await console_.part('save').click()
  await console_.part('conflict').waitFor()
  await console_.page.locator('.compare .cm-line', { hasText: 'Theirs.' }).waitFor()
  await picture(console_.page, '76-user-config-conflict')
  await console_.part('keep-mine').click()
  await console_.part('save').click()
  await expect.poll(() => text.innerText()).toContain("systemPrompt: 'Mine.'")
  await console_.page.getByText('Gateways apply it at their next sync').waitFor()
})

test('a user is renamed, disabled and enabled, and loses the password', async () => {
  await console_.part('rename').click()
  await fill('rename', 'Alice A.')
  await save()
  await console_.page.locator('.subject-header .name', { hasText: 'Alice A.' }).waitFor()
  await console_.part('turn').click()
  await sure()
  await console_.page.locator('[data-test="status"].disabled').waitFor()
  await console_.part('turn').click()
  await console_.page.locator('[data-test="status"].active').waitFor()
  await console_.part('password').click()
  await console_.page.getByText('None: they sign in no more').click()
  await save()
  await dialog().waitFor({ state: 'detached' })
  await console_.part('tab-overview').click()
  await console_.page.getByText('not with a password').waitFor()
})

test('who the assistant of a user is can be written, and taken back', async () => {
  await console_.part('tab-identity').click()
  const text = console_.page.locator('.identity textarea')
  // It is the `systemPrompt` of the configuration.
  await expect.poll(() => text.inputValue()).toBe('Mine.')
  await text.fill('# Rosie\n\nA patient lobster.\n')
  await console_.part('identity-save').click()
  await console_.part('identity-state').getByText('Saved').waitFor()
  await picture(console_.page, '76-user-identity')
  const kept = await console_.api('GET', '/api/users/alice%40example.com/identity')
  expect(((await kept.json()) as { content: string }).content).toContain('A patient lobster.')
  await console_.part('identity-drop').click()
  await console_.part('identity-none').waitFor()
})

test('a user is signed out everywhere', async () => {
  const bob = { id: 'bob', password: 'a password of bob' }
  expect((await console_.api('POST', '/api/users', bob)).status()).toBe(201)
  const login = await console_.page.request.post(`${url}/api/auth/login`, { data: bob })
  const { refresh_token } = (await login.json()) as { refresh_token: string }
  await console_.open('/users/bob')
  await console_.part('sign-out-user').click()
  await sure()
  await console_.part('signed-out').waitFor()
  const again = await console_.page.request.post(`${url}/api/auth/refresh`, { data: { refresh_token } })
  expect(again.status()).toBe(401)
  await console_.api('DELETE', '/api/users/bob')
  await console_.open('/users')
})

test('what is wrong in a table is told line by line, and nothing is imported', async () => {
  console_.browser.expectRefusal(422, /\/api\/import\/users/)
  await console_.open('/users')
  await console_.part('import').click()
  await console_.part('table').fill('id,name\nbob,Bob\n../x,Nobody\ncarol,"Carol\nalice@example.com,\n')
  await console_.part('import-next').click()
  await console_.part('wrong-lines').getByText('Line 4').waitFor()
  await console_.part('table').fill('id,name\nbob,Bob\n../x,Nobody\nbob,Again\nalice@example.com,\n')
  await console_.part('import-next').click()
  await console_.part('wrong-lines').getByText('Line 3').waitFor()
  await console_.part('wrong-lines').getByText('Line 4').waitFor()
  await picture(console_.page, '77-users-import-wrong')
  expect((await list('search=bob')).length).toBe(0)
})

test(`${MANY} users come from a file, checked before`, async () => {
  const lines = Array.from({ length: MANY }, (_, number) => `${many(number)},Person ${number}`)
  await console_.page.setInputFiles('[data-test="file"]', {
    name: 'users.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(`id,name\n${lines.join('\n')}\n`),
  })
  await expect.poll(() => console_.part('table').inputValue()).toContain(many(MANY - 1))
  await console_.part('import-next').click()
  await console_.part('would').getByText('10000 users').waitFor()
  await picture(console_.page, '78-users-import')
  expect((await list('search=many-')).length).toBe(0)
  await console_.part('import-next').click()
  await console_.part('imported').waitFor()
  await console_.part('mark-imported').click()
  await expect.poll(rows).toBe(`${MANY + 2}`)
  await console_.part('marked').getByText(`${MANY} marked`).waitFor()
  expect(await drawn()).toBeLessThan(50)
  await picture(console_.page, '79-users-many')
}, 400_000)

test('they are found, sorted and reached with the keyboard', async () => {
  await console_.page.getByRole('button', { name: 'Clear marks' }).click()
  await console_.page.locator('.table .body').evaluate((body) => (body.scrollTop = body.scrollHeight))
  await row(many(MANY - 1)).waitFor()
  await row(many(MANY - 1))
    .getByRole('link')
    .focus()
  await console_.page.keyboard.press('Home')
  const focused = () =>
    console_.page.evaluate(() => document.activeElement?.closest('.row')?.getAttribute('data-user'))
  await expect.poll(focused).toBe('alice@example.com')
  await console_.page.keyboard.press('ArrowDown')
  await expect.poll(focused).toBe(many(0))
  await console_.page.getByRole('columnheader', { name: 'User' }).getByRole('button').click()
  await row(many(MANY - 1)).waitFor()
  await console_.filter.fill('Person 4711')
  await expect.poll(drawn).toBe(1)
  await row(many(4711)).waitFor()
})

test('who is made elsewhere is in the list at once, and who is removed is not', async () => {
  await console_.open('/users?q=newcomer')
  await console_.page.getByText('No user matches.').waitFor()
  expect((await console_.api('POST', '/api/users', { id: 'newcomer' })).status()).toBe(201)
  await row('newcomer').locator('.active').waitFor()
  await console_.api('PATCH', '/api/users/newcomer', { status: 'disabled' })
  await row('newcomer').locator('.disabled').waitFor()
  await console_.api('DELETE', '/api/users/newcomer')
  await expect.poll(() => row('newcomer').count()).toBe(0)
})

test('many are disabled together', async () => {
  await console_.open('/users?q=many-0000')
  await row(many(0)).waitFor()
  await console_.part('mark-all').locator('input').check()
  // One with the keyboard: out of it again.
  await row(many(3)).getByRole('checkbox').focus()
  await console_.page.keyboard.press('Space')
  await console_.part('marked').getByText('9 marked').waitFor()
  await console_.part('bulk-disable').click()
  await picture(console_.page, '80-users-disable')
  await sure()
  await expect
    .poll(async () => (await list('search=many-0000')).map((one) => one.status).sort())
    .toEqual(['active', ...Array<string>(9).fill('disabled')])
  await expect.poll(() => console_.page.locator('.row .disabled').count()).toBe(9)
})

test('many tokens are made, and had once, as a table', async () => {
  await console_.part('bulk-tokens').click()
  await sure()
  await console_.part('download-tokens').waitFor()
  expect(await console_.part('tokens-done').isDisabled()).toBe(true)
  await picture(console_.page, '81-users-tokens')
  const [download] = await Promise.all([
    console_.page.waitForEvent('download'),
    console_.part('download-tokens').click(),
  ])
  const table = (await readFile(await download.path(), 'utf8')).trim().split('\r\n')
  expect(table[0]).toBe('id,token')
  expect(table.slice(1).every((line) => /^many-0000\d,gt_\w{32}$/.test(line))).toBe(true)
  expect(table).toHaveLength(10)
  await console_.part('tokens-done').click()
})

test('who is refused is told, and the others are removed', async () => {
  console_.browser.expectRefusal(404, new RegExp(`/api/users/${many(5)}`))
  await console_.page.route(`**/api/users/${many(5)}`, (route) =>
    route.request().method() === 'DELETE'
      ? route.fulfill({
          status: 404,
          contentType: 'application/problem+json',
          body: JSON.stringify({ code: 'not_found', detail: 'there is no such user' }),
        })
      : route.continue(),
  )
  await console_.part('bulk-remove').click()
  expect(await console_.part('confirm-remove').isDisabled()).toBe(true)
  await console_.page.locator('.el-dialog form .el-input input').fill('9')
  await picture(console_.page, '82-users-remove')
  await console_.part('confirm-remove').click()
  await console_.part('bulk-refused').getByText(many(5)).waitFor()
  await console_.page.unroute(`**/api/users/${many(5)}`)
  await expect
    .poll(async () => (await list('search=many-0000')).map(({ id }) => id))
    .toEqual([many(3), many(5)])
  await expect.poll(drawn).toBe(2)
  await picture(console_.page, '83-users-refused')
})

test('what a user used and has is there as plots', async () => {
  // `usage.test.ts` gave 100 and spent 7.2 of them.
  expect((await console_.api('POST', '/api/users', { id: 'walker', name: 'Walker' })).status()).toBe(201)
  await console_.open('/users/walker')
  await console_.part('total-credits').getByText('7.2').waitFor()
  await console_.part('balance').getByText('92.8').waitFor()
  await console_.page.locator('.plot svg').nth(1).waitFor()
  await picture(console_.page, '84-user-used')
})

test('more than a page can hold are cut, and searched where they are', async () => {
  // The backend says of each page that there is another.
  await console_.page.route('**/api/users?*', async (route) => {
    const asked = new URL(route.request().url())
    if (asked.searchParams.get('search')) return route.continue()
    const after = asked.searchParams.get('after') ?? ''
    asked.searchParams.delete('after')
    const answer = await route.fetch({ url: asked.href })
    const body = (await answer.json()) as { users: { id: string }[]; next: string | null }
    const page = Number(/^page-(\d+)/.exec(after)?.[1] ?? '0') + 1
    const users = body.users.map((one) => ({ ...one, id: `page-${page}-${one.id}` }))
    await route.fulfill({ json: { users, next: `page-${page}` } })
  })
  await console_.open('/users')
  await console_.page.getByText(/The first 2\d,\d{3} by id are listed/).waitFor()
  await console_.filter.fill('walker')
  await row('walker').waitFor()
  await expect.poll(drawn).toBe(1)
  await console_.page.unroute('**/api/users?*')
})

test('all of it in Chinese, in the dark, on a phone', async () => {
  await console_.open('/users?q=many-000')
  await row(many(12)).waitFor()
  await console_.press('language')
  await console_.page.getByRole('heading', { name: '用户', exact: true }).waitFor()
  await console_.press('theme')
  await row(many(12)).getByRole('checkbox').check()
  await picture(console_.page, '85-users-zh-dark')
  await console_.open('/users/walker')
  await console_.page.locator('.plot svg').nth(1).waitFor()
  await picture(console_.page, '86-user-zh-dark')
  const wider = () => console_.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  await console_.page.setViewportSize(SMALL_PHONE)
  for (const [name, path, part] of [
    ['list', '/users?q=many-000', '.row'],
    ['user', '/users/walker', '.plot svg'],
    ['token', '/users/walker/token', '.token-tab'],
    ['identity', '/users/walker/identity', '.identity textarea'],
    ['configuration', '/users/walker/configuration', '.cm-content'],
  ] as const) {
    await console_.open(path)
    await console_.page.locator(part).first().waitFor()
    await expect.poll(wider, { message: `${path} scrolls sideways` }).toBe(0)
    await picture(console_.page, `87-small-user-${name}`)
  }
  await console_.part('more-places').click()
  await console_.page.locator('#other-places').getByRole('link', { name: '积分' }).waitFor()
  await picture(console_.page, '88-small-places')
  await console_.page.keyboard.press('Escape')
  await console_.page.locator('#other-places').waitFor({ state: 'detached' })
  await console_.part('more-places').click()
  await console_.page.locator('#other-places').getByRole('link', { name: '积分' }).click()
  await console_.page.waitForURL(/\/credits$/)
  await console_.page.setViewportSize(DESKTOP)
})
