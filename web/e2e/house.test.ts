/** The settings: the host and what `creel doctor` finds. */
import { expect, test } from 'vitest'
import { DESKTOP, picture, SMALL_PHONE } from './browser'
import { signedInAt } from './here'

const console_ = signedInAt('/settings')

test('the host is told of, and what could be better, with its remedy', async () => {
  await console_.part('system').waitFor()
  const answer = await console_.api('GET', '/api/doctor')
  const { findings } = (await answer.json()) as { findings: { severity: string; remedy?: string }[] }
  const wrong = findings.filter(({ severity }) => severity !== 'ok')
  await expect.poll(() => console_.part('finding').count()).toBe(wrong.length)
  for (const { remedy } of wrong)
    if (remedy) await console_.part('doctor').getByText(remedy.slice(0, 40)).first().waitFor()
  await picture(console_.page, '45-settings-system')
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
    ['providers', '[data-test="add-provider"]'],
  ] as const) {
    await console_.open(`/settings/${section}`)
    await console_.page.locator(part).waitFor()
    await expect.poll(wider, { message: `${section} scrolls sideways` }).toBe(0)
    await picture(console_.page, `49-small-settings-${section || 'system'}`)
  }
  await console_.page.setViewportSize(DESKTOP)
})
