/** Usage from none at all to plots by user, model, instance and provider, and the tables that come of them. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DESKTOP, PHONE, picture } from './browser'
import { signedInAt } from './here'
import { Provider, TOKENS } from './provider'
import { llm } from './settings'

const CALLS: Record<string, number> = { 'walk/quick': 3, 'walk/slow': 1 }
/** Of a user who calls nothing but this: others have used something before. */
const PAGE = '/usage?user=walker'
let provider: Provider

const console_ = signedInAt(PAGE)
beforeAll(async () => {
  provider = await Provider.start()
})
afterAll(() => provider?.stop())

const total = (key: string) => console_.part(`total-${key}`).locator('dd').innerText()
const row = (name: string) => console_.page.locator(`[data-usage="${name}"]`)
const drawn = () => console_.page.locator('.plot svg').last().waitFor()
const calls = Object.values(CALLS).reduce((sum, count) => sum + count)

async function set(method: string, path: string, data: unknown): Promise<{ secret?: string }> {
  const answer = await console_.api(method, path, data)
  expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true)
  return (await answer.json()) as { secret?: string }
}

test('without usage the page says how it comes to be', async () => {
  await console_.part('no-usage').waitFor()
  await picture(console_.page, '50-usage-none')
})

test('calls through the LLM Gateway are counted, and add up', async () => {
  await set('PUT', '/api/llm/providers/walk', {
    style: 'openai',
    base_url: provider.url,
    api_key: 'sk-walk',
    has_responses: false,
    any_model: false,
  })
  for (const model of Object.keys(CALLS)) {
    const route = { provider: 'walk', model: 'walk', weight: 1, priority: 0 }
    await set('PUT', `/api/llm/models/${encodeURIComponent(model)}`, {
      routes: [route],
      strategy: 'weighted',
      max_output: 1000,
    })
  }
  await set('PUT', `/api/llm/prices/${encodeURIComponent('walk/*')}`, {
    input: '1000',
    output: '2000',
    call: '0',
  })
  await set('POST', '/api/users/walker/credits', { credits: '100' })
  const { secret } = await set('POST', '/api/llm/keys', { user: 'walker' })
  for (const [model, count] of Object.entries(CALLS)) {
    for (let call = 0; call < count; call++) {
      const answer = await console_.page.request.post(`${llm}/v1/chat/completions`, {
        headers: { authorization: `Bearer ${secret}` },
        data: { model, messages: [{ role: 'user', content: 'Is it counted?' }] },
      })
      expect(answer.status(), await answer.text()).toBe(200)
    }
  }
  // What was counted reaches the books a moment later.
  const counted = async () => {
    await console_.open(PAGE)
    await console_.page.locator('[data-test="no-usage"], [data-test="total-calls"]').waitFor()
    return (await console_.part('no-usage').count()) ? '0' : total('calls')
  }
  await expect.poll(counted).toBe(String(calls))
  // The page asks twice, for days and for users: here both are asked after all was counted.
  await console_.open(PAGE)
  await row('walker').waitFor()
  expect(await total('credits')).toBe('7.2')
  expect(await total('failed')).toBe('0')
  expect(await total('input')).toBe((calls * TOKENS.prompt).toLocaleString('en'))
  expect(await total('output')).toBe((calls * TOKENS.completion).toLocaleString('en'))
  await drawn()
  await picture(console_.page, '51-usage-by-user')
})

test('it is told apart by model, instance and provider', async () => {
  await console_.part('choose-model').click()
  await row('walk/quick').getByText('5.4', { exact: true }).waitFor()
  await row('walk/slow').getByText('1.8', { exact: true }).waitFor()
  await console_.part('choose-tokens').click()
  await picture(console_.page, '52-usage-by-model')
  await console_.part('choose-provider').click()
  await row('walk').waitFor()
  await console_.part('choose-instance').click()
  await row('').getByText('(nobody)').waitFor()
})

test('the address holds the question, and one user can be asked for', async () => {
  await console_.part('choose-1').click()
  await console_.part('choose-model').click()
  await console_.page.waitForURL(/by=model/)
  await console_.page.reload()
  await row('walk/slow').waitFor()
  expect(await console_.part('choose-1').getAttribute('aria-pressed')).toBe('true')
  await picture(console_.page, '53-usage-today')
  await console_.page.locator('#usage-user').fill('nobody-at-all')
  await console_.page.locator('#usage-user').press('Enter')
  await console_.part('no-usage').waitFor()
  await console_.page.locator('#usage-user').fill('walker')
  await console_.page.locator('#usage-user').press('Enter')
  await row('walk/slow').waitFor()
})

test('a range that makes no sense is told, and what is shown stays', async () => {
  await console_.page.locator('#usage-from').fill('2099-01-01')
  await console_.page.locator('#usage-from').press('Tab')
  await console_.page.getByRole('alert').waitFor()
  await console_.part('choose-7').click()
  await expect.poll(() => console_.page.getByRole('alert').count()).toBe(0)
  expect(await total('calls')).toBe(String(calls))
})

test('the same is there as CSV', async () => {
  const download = console_.page.waitForEvent('download')
  await console_.page.getByRole('link', { name: 'Who and what as CSV' }).click()
  const file = await download
  expect(file.suggestedFilename()).toMatch(/^usage-by-model-.*\.csv$/)
  const href = await console_.page.getByRole('link', { name: 'Who and what as CSV' }).getAttribute('href')
  const table = await (await console_.api('GET', href ?? '')).text()
  expect(table).toMatch(/^model,calls,/)
  expect(table).toContain('walk/slow,1,')
})

test('all of it in Chinese, in the dark, on a phone', async () => {
  await console_.press('language')
  await console_.page.getByRole('heading', { name: '用量', exact: true }).waitFor()
  await console_.press('theme')
  await picture(console_.page, '54-usage-zh-dark')
  await console_.page.setViewportSize(PHONE)
  const wider = () => console_.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  await expect.poll(wider).toBe(0)
  await picture(console_.page, '55-usage-phone')
  await console_.page.locator('.panel').last().scrollIntoViewIfNeeded()
  await picture(console_.page, '56-usage-phone-table')
  await console_.page.setViewportSize(DESKTOP)
})
