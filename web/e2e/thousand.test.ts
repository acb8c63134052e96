/** The list with 1,000 real instances, none of them started: what is drawn, what the keyboard reaches, what a filter finds. */
import { expect, test } from 'vitest'
import { DESKTOP, PHONE, picture } from './browser'
import { signedInAt } from './here'

const COUNT = 1000
const SIDE_BY_SIDE = 20
const id = (number: number) => `row-${String(number).padStart(4, '0')}`

const console_ = signedInAt('/')

const focused = () =>
  console_.page.evaluate(() => document.activeElement?.closest('.row')?.getAttribute('data-instance'))
const drawn = () => console_.page.locator('.table .row').count()

test(`${COUNT} instances arrive in the list as they are made`, async () => {
  await console_.open('/instances?q=row-')
  let next = 0
  async function make() {
    while (next < COUNT) {
      const answer = await console_.api('POST', '/api/instances', { id: id(next++), start: false })
      expect(answer.status(), await answer.text()).toBe(201)
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, make))
  await expect.poll(() => console_.page.locator('.table').getAttribute('aria-rowcount')).toBe(`${COUNT + 1}`)
}, 400_000)

test('only what is in view is drawn', async () => {
  expect(await drawn()).toBeLessThan(50)
  await console_.row(id(0)).waitFor()
  await console_.page.locator('.table .body').evaluate((body) => (body.scrollTop = body.scrollHeight))
  await console_.row(id(COUNT - 1)).waitFor()
  expect(await drawn()).toBeLessThan(50)
  await picture(console_.page, '30-thousand-end')
})

test('the keyboard reaches the first, the last and those between', async () => {
  await console_
    .row(id(COUNT - 1))
    .getByRole('link')
    .focus()
  const { keyboard } = console_.page
  await keyboard.press('Home')
  await expect.poll(focused).toBe(id(0))
  await keyboard.press('ArrowDown')
  await expect.poll(focused).toBe(id(1))
  await keyboard.press('PageDown')
  await expect.poll(focused).not.toBe(id(1))
  await keyboard.press('PageUp')
  await expect.poll(focused).toBe(id(1))
  await keyboard.press('End')
  await expect.poll(focused).toBe(id(COUNT - 1))
  await keyboard.press('Enter')
  await console_.page.waitForURL(new RegExp(`/instances/${id(COUNT - 1)}`))
})

test('a filter finds one of them, and a sort turns them round', async () => {
  await console_.open('/instances')
  await console_.filter.fill('row-0777')
  await expect.poll(drawn).toBe(1)
  await console_.row(id(777)).waitFor()
  await console_.open('/instances?q=row-')
  await console_.row(id(0)).waitFor()
  await console_.page.getByRole('columnheader', { name: 'Instance' }).getByRole('button').click()
  await console_.row(id(COUNT - 1)).waitFor()
  expect(await console_.row(id(0)).count()).toBe(0)
})

test('a phone shows them too', async () => {
  await console_.page.setViewportSize(PHONE)
  await console_.open('/instances?q=row-')
  await console_.row(id(0)).waitFor()
  expect(await drawn()).toBeLessThan(50)
  await picture(console_.page, '31-thousand-phone')
})

test('all of them are marked, and removed together', async () => {
  await console_.page.setViewportSize(DESKTOP)
  await console_.part('mark-all').locator('input').check()
  await console_.part('marked').getByText(`${COUNT} marked`).waitFor()
  expect(await drawn()).toBeLessThan(50)
  await picture(console_.page, '32-thousand-marked')
  await console_.part('bulk-remove').click()
  await console_.part('purge-true').check()
  await console_.page.locator('.el-dialog input[data-test="confirm"]').fill(String(COUNT))
  await console_.part('confirm-remove').click()
  await console_.part('bulk-progress').waitFor()
  await console_.page.locator('.table').waitFor({ state: 'detached', timeout: 300_000 })
  expect(await console_.part('bulk-refused').count()).toBe(0)
}, 400_000)
