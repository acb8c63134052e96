/** The LLM Gateway set up from the console: a provider with a key that never comes back, a model, a price, a group, a virtual key. */
import { expect, test } from 'vitest'
import { DESKTOP, PHONE, picture } from './browser'
import { signedInAt } from './here'

const SECRET = 'sk-a-key-that-must-not-come-back'

const console_ = signedInAt('/llm')

const row = (name: string) => console_.page.locator(`[data-row="${name}"]`)
const fill = (field: string, text: string) => console_.page.locator(`#${field}`).fill(text)
const save = () => console_.part('save-setup').click()

async function choose(field: string, option: string) {
  await console_.page.locator(`.el-select:has(#${field})`).click()
  await console_.page.getByRole('option', { name: option, exact: true }).click()
}

test('a provider is added by its well-known name, and its key is sealed', async () => {
  await picture(console_.page, '40-llm-empty')
  await console_.part('add-provider').click()
  await fill('provider-name', 'deepseek')
  await console_.page.locator('#provider-name').press('Tab')
  expect(await console_.page.locator('#provider-url').inputValue()).toBe('https://api.deepseek.com/v1')
  await fill('provider-key', SECRET)
  await picture(console_.page, '41-llm-provider')
  await save()
  await row('deepseek').getByText('sealed').waitFor()
  const answer = await console_.api('GET', '/api/llm/providers')
  expect(await answer.text()).not.toContain(SECRET)
})

test('editing it without a key keeps the key', async () => {
  await row('deepseek').getByRole('button', { name: 'Edit deepseek' }).click()
  await fill('provider-url', 'http://127.0.0.1:9/v1')
  await save()
  await row('deepseek').getByText('http://127.0.0.1:9/v1').waitFor()
  expect(await row('deepseek').innerText()).toContain('sealed')
})

test('what makes no sense is refused in the dialog, and what was typed stays', async () => {
  console_.browser.expectRefusal(422, /\/api\/llm\/providers\//)
  await console_.part('add-provider').click()
  await fill('provider-name', 'a/b')
  await fill('provider-url', 'http://127.0.0.1:9/v1')
  await save()
  await console_.page.locator('.el-dialog .refusal').waitFor()
  expect(await console_.page.locator('#provider-name').inputValue()).toBe('a/b')
  await console_.page.keyboard.press('Escape')
  await console_.page.locator('.el-dialog').waitFor({ state: 'detached' })
})

test('a model gets a route', async () => {
  await console_.part('tab-models').click()
  await console_.part('add-model').click()
  await fill('model-name', 'team/chat')
  await console_.page.getByLabel('Its name there').fill('deepseek-chat')
  await picture(console_.page, '42-llm-model')
  await save()
  await row('team/chat').getByText('deepseek/deepseek-chat').waitFor()
})

test('a price and a group', async () => {
  await console_.part('tab-prices').click()
  await console_.part('add-price').click()
  await fill('price-model', 'team/*')
  await fill('price-input', '0.27')
  await fill('price-output', '1.1')
  await fill('price-call', '0.0000001')
  await console_.page.locator('#price-call-note.fault').waitFor()
  expect(await console_.part('save-setup').isDisabled()).toBe(true)
  await fill('price-call', '0.000001')
  await save()
  await row('team/*').getByText('0.000001').waitFor()

  await console_.part('add-group').click()
  await fill('group-name', 'staff')
  await fill('group-multiplier', '0.5')
  await save()
  await row('staff').getByText('× 0.5').waitFor()
  await picture(console_.page, '43-llm-prices')
})

test('a price is entered in the currency that the provider prints it in', async () => {
  await console_.part('add-currency').click()
  await fill('currency-code', 'cny')
  await fill('currency-credits', '0')
  await console_.page.locator('#currency-credits-note.fault').waitFor()
  expect(await console_.part('save-setup').isDisabled()).toBe(true)
  await fill('currency-credits', '0.14')
  await save()
  await row('CNY').getByText('0.14').waitFor()

  await console_.part('add-price').click()
  await fill('price-model', 'qwen-max')
  await choose('price-currency', 'CNY')
  await console_.page.getByText('1 CNY is 0.14 credits.').waitFor()
  await fill('price-input', '2.4')
  await fill('price-output', '9.6')
  await picture(console_.page, '43-llm-price-currency')
  await save()
  await row('qwen-max').getByText('0.336 credits').waitFor()

  await row('CNY').getByRole('button', { name: 'Edit CNY' }).click()
  await fill('currency-credits', '0.15')
  await save()
  await row('qwen-max').getByText('0.36 credits').waitFor()
  await picture(console_.page, '43-llm-currencies')
})

test('a currency that a price is in stays', async () => {
  console_.browser.expectRefusal(409, /\/api\/llm\/currencies\/CNY$/)
  await row('CNY').getByRole('button', { name: 'Remove CNY' }).click()
  await console_.page.locator('.el-message-box button.el-button--primary').click()
  await console_.page.locator('.setup .refusal').waitFor()
  expect(await row('CNY').count()).toBe(1)
})

test('a virtual key is shown once, and revoked', async () => {
  await console_.part('tab-keys').click()
  await console_.part('add-key').click()
  await fill('key-user', 'alice')
  await choose('key-group', 'staff')
  await fill('key-day', '2.5')
  await picture(console_.page, '44-llm-key')
  await save()
  const key = await console_.part('token').innerText()
  expect(key).toMatch(/^sk-creel-/)
  await picture(console_.page, '45-llm-key-once')
  await console_.part('key-done').click()
  const made = console_.page.locator('[data-row]', { hasText: 'alice' })
  await made.getByText('2.5 a day').waitFor()
  expect(await console_.page.locator('#app').innerText()).not.toContain(key)

  await made.getByRole('button', { name: /^Remove/ }).click()
  await console_.page.locator('.el-message-box button.el-button--primary').click()
  await made.getByText('revoked').waitFor()
})

test('all of it in Chinese, in the dark, on a phone', async () => {
  await console_.press('language')
  await console_.page.getByRole('heading', { name: 'LLM 网关' }).waitFor()
  await console_.press('theme')
  await picture(console_.page, '46-llm-keys-zh-dark')
  await console_.page.setViewportSize(PHONE)
  for (const section of ['providers', 'models', 'prices', 'keys']) {
    await console_.open(`/llm/${section}`)
    await console_.page.locator('[data-row]').first().waitFor()
    const wider = () => console_.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    await expect.poll(wider, { message: `${section} scrolls sideways` }).toBe(0)
    await picture(console_.page, `47-llm-phone-${section}`)
  }
  await console_.page.setViewportSize(DESKTOP)
})

test('what was set up can be removed', async () => {
  await console_.open('/llm')
  await row('deepseek').getByRole('button', { name: '移除 deepseek' }).click()
  await console_.page.locator('.el-message-box button.el-button--primary').click()
  await expect.poll(() => row('deepseek').count()).toBe(0)
})
