/** A console that somebody is signed in to, for all tests of a file; and what holds after each of them. */
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { picture, WatchedBrowser } from './browser'
import { Console } from './console'
import { password, user } from './settings'

/** Its page and its browser are there once the tests run. */
class SignedIn extends Console {
  browser!: WatchedBrowser

  constructor() {
    super(undefined as never)
  }

  async arrive(path: string): Promise<void> {
    this.browser = await WatchedBrowser.launch()
    this.page = await this.browser.page()
    this.browser.expectRefusal(401, /\/api\/session$/)
    await this.open(path)
    await this.signIn(user, password)
    await this.page.locator('.page-head h1').waitFor()
  }
}

/** Begins at `path`. */
export function signedInAt(path: string): SignedIn {
  const here = new SignedIn()
  beforeAll(() => here.arrive(path))
  afterAll(() => here.browser?.close())
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await picture(here.page, 'failed')
    expect(here.browser.errors).toEqual([])
  })
  return here
}
