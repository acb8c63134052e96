/** Instances that are no processes of this host: in a container of a real engine, and on Railway as its recorder has it. */
import { expect, test } from 'vitest'
import { DESKTOP, PHONE, picture } from './browser'
import { containersOf, removeByHand } from './engine'
import { signedInAt } from './here'

const DOCKED = 'in-docker'
const FAR = 'on-railway'
/** The recorder pulls nothing. */
const IMAGE = 'ghcr.io/acme/creel:1'
const console_ = signedInAt('/settings/drivers')

const fill = (field: string, text: string) => console_.page.locator(`[id="${field}"]`).fill(text)
const wider = () => console_.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)

async function choose(id: string, driver: string) {
  await console_.open('/instances?create=1')
  await fill('create-id', id)
  await console_.part(`driver-${driver}`).check()
}

async function make() {
  await console_.page.locator('.form button[type=submit]').click()
  await console_.part('token').waitFor()
  await console_.part('open-instance').click()
  await console_.status('running')
}

test('docker and railway are here, each with its version', async () => {
  const answer = await console_.api('GET', '/api/drivers')
  const { drivers } = (await answer.json()) as { drivers: { driver: string; version?: string }[] }
  for (const name of ['docker', 'railway']) {
    const version = drivers.find(({ driver }) => driver === name)?.version
    expect(version, name).toMatch(/^\d+\./)
    const card = console_.part(`driver-${name}`)
    await card.getByText('Here', { exact: true }).waitFor()
    await card.getByText(version ?? '').waitFor()
  }
  await picture(console_.page, '70-drivers')
})

test('what is not here says why and what to do, in both languages', async () => {
  // As the backend tells of a host that has neither.
  const reasons: Record<string, string> = {
    docker:
      'Docker does not answer on /var/run/docker.sock (No such file or directory (os error 2)); start it, or name another with DOCKER_HOST=unix:///…',
    railway:
      'the client `railway` is not signed in (Unauthorized); run `railway login` as the user that runs creel, or give creel RAILWAY_API_TOKEN',
  }
  await console_.page.route('**/api/drivers', async (route) => {
    const response = await route.fetch()
    const { drivers } = (await response.json()) as { drivers: { driver: string; runtimes: string[] }[] }
    const told = drivers.map((facts) => {
      const { driver, runtimes } = facts
      return driver in reasons ? { driver, runtimes, available: false, reason: reasons[driver] } : facts
    })
    await route.fulfill({ response, json: { drivers: told } })
  })
  await console_.page.reload()
  const says = async (driver: string, ...words: string[]) => {
    for (const word of words) await console_.part(`driver-${driver}`).getByText(word).waitFor()
  }
  await says('docker', 'Not here', 'start it, or name another with DOCKER_HOST')
  await says('railway', 'Not here', 'is not signed in (Unauthorized); run')
  await picture(console_.page, '70-drivers-away')
  await console_.press('language')
  await says('docker', '不可用', '请启动它，或用 DOCKER_HOST 指定另一个')
  await says('railway', '不可用', '没有登录（Unauthorized）：请以运行 creel 的用户执行')
  await picture(console_.page, '70-drivers-away-zh')
  await console_.press('language')
  await console_.page.unroute('**/api/drivers')
})

test('the wizard makes one on Railway, and asks for what Railway has alone', async () => {
  await choose(FAR, 'railway')
  await picture(console_.page, '71-create-railway')
  await console_.part('step-running').click()
  expect(await console_.page.locator('#create-port, #limit-memory').count()).toBe(0)
  await fill('create-image', IMAGE)
  await picture(console_.page, '71-create-railway-running')
  await make()
  await console_.part('log-lines').getByText('gateway ready').first().waitFor()
  await picture(console_.page, '72-railway')
  expect(await console_.part('sleep').isEnabled(), 'Railway has a sleep of its own').toBe(false)
  await console_.part('change').click()
  await console_.page.locator('#change-name').waitFor()
  expect(await console_.page.locator('#limit-memory').count()).toBe(0)
  // As it is: nothing is asked for, and nothing refused.
  await console_.part('save-setup').click()
  await console_.page.locator('#change-name').waitFor({ state: 'detached' })
  await console_.part('change').click()
  await fill('change-name', 'Far away')
  await console_.part('save-setup').click()
  await console_.page.locator('.subject-header .name', { hasText: 'Far away' }).waitFor()
})

test('and one in a container', async () => {
  await choose(DOCKED, 'docker')
  await picture(console_.page, '73-create-docker')
  await console_.part('step-running').click()
  await picture(console_.page, '73-create-docker-running')
  await make()
  expect(await containersOf(DOCKED)).toHaveLength(1)
})

test('the list says how each is run', async () => {
  await console_.open('/instances?q=-')
  await console_.row(DOCKED).locator('.runtime', { hasText: 'docker' }).waitFor()
  await console_.row(FAR).locator('.runtime', { hasText: 'railway' }).waitFor()
  await picture(console_.page, '74-instances')
})

test('what a container says and uses is there as it happens, and that of a day', async () => {
  await console_.row(DOCKED).getByRole('link').click()
  await console_.page.locator('.log-view .live.connected').waitFor()
  await console_.part('log-lines').getByText('gateway ready').first().waitFor()
  await console_.page.locator('.plot svg').nth(1).waitFor()
  await picture(console_.page, '75-docker')
  const asked = console_.page.waitForResponse(/\/stats\?.*span=day/)
  await console_.part('choose-day').click()
  expect((await asked).status()).toBe(200)
  await console_.page.locator('[data-test="choose-day"][aria-pressed="true"]').waitFor()
  await picture(console_.page, '75-docker-day')
  await console_.part('choose-minutes').click()
  await console_.page.locator('.plot svg').nth(1).waitFor()
})

test('it sleeps and wakes, stops and starts', async () => {
  const [container] = await containersOf(DOCKED)
  await console_.part('sleep').click()
  await console_.status('sleeping')
  await console_.part('wake').click()
  await console_.status('running')
  expect(await containersOf(DOCKED), 'it was not made anew').toEqual([container])
  await console_.part('stop').click()
  await console_.status('stopped')
  await console_.part('start').click()
  await console_.status('running')
})

test('a container that was removed by hand is told of, and not made again until somebody asks', async () => {
  await removeByHand(DOCKED)
  await console_.part('drift').getByText('removed behind').waitFor()
  await console_.page.locator('[data-test="status"].error').waitFor()
  expect(await containersOf(DOCKED)).toEqual([])
  await picture(console_.page, '76-drift')
})

test('all of it in Chinese, in the dark, on a phone', async () => {
  await console_.press('language')
  await console_.press('theme')
  await picture(console_.page, '77-drift-zh-dark')
  await console_.page.setViewportSize(PHONE)
  for (const [path, part, name] of [
    [`/instances/${DOCKED}`, 'drift', 'drift'],
    [`/instances/${FAR}`, 'log-lines', 'railway'],
    ['/settings/drivers', 'driver-railway', 'drivers'],
  ] as const) {
    await console_.open(path)
    await console_.part(part).waitFor()
    await expect.poll(wider, { message: `${path} scrolls sideways` }).toBe(0)
    await picture(console_.page, `78-small-${name}`)
  }
  await choose('not-made', 'railway')
  await picture(console_.page, '78-small-create')
  await console_.part('step-running').click()
  await expect.poll(wider).toBe(0)
  await picture(console_.page, '78-small-create-running')
  await console_.page.setViewportSize(DESKTOP)
})

test('a start makes the container again, and both are removed', async () => {
  await console_.open(`/instances/${DOCKED}`)
  await console_.part('start').click()
  await console_.status('running')
  await console_.part('drift').waitFor({ state: 'detached' })
  for (const id of [DOCKED, FAR]) {
    await console_.open(`/instances/${id}`)
    await console_.part('remove').click()
    await console_.part('purge-true').check()
    await console_.page.locator('.el-dialog form .el-input input').fill(id)
    await console_.part('confirm-remove').click()
    await console_.page.waitForURL(/\/instances$/)
    await expect.poll(() => console_.row(id).count()).toBe(0)
  }
  expect(await containersOf(DOCKED)).toEqual([])
})
