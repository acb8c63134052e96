/**
 * A Chromium whose pages are watched: whatever they report as an error fails the walk, unless a step announced it; so does whatever they
 * ask of the backend that its OpenAPI document does not know.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { chromium as launcher, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { barriers } from './barriers'
import { Documented } from './documented'
import { artifacts, chromium } from './settings'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** Long after everything that a step waits for, on a slow machine too. */
const PATIENCE = 60_000
export const DESKTOP = { width: 1360, height: 860 }
export const PHONE = { width: 390, height: 844 }
/** The narrowest that is in wide use. */
export const SMALL_PHONE = { width: 360, height: 740 }

export class WatchedBrowser {
  private readonly announced: { said: string; path: RegExp }[] = []
  readonly errors: string[] = []

  private constructor(
    private readonly browser: Browser,
    readonly context: BrowserContext,
    private readonly documented: Documented,
  ) {}

  static async launch(): Promise<WatchedBrowser> {
    mkdirSync(artifacts, { recursive: true })
    const browser = await launcher.launch({ executablePath: chromium, headless: true, args: FLAGS })
    const context = await browser.newContext({
      viewport: DESKTOP,
      locale: 'en-US',
      colorScheme: 'light',
      // A colour that is still on its way to another has whatever contrast it has.
      reducedMotion: 'reduce',
    })
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    return new WatchedBrowser(browser, context, await Documented.read())
  }

  async page(): Promise<Page> {
    const page = await this.context.newPage()
    page.setDefaultTimeout(PATIENCE)
    page.on('request', (request) => this.asked(request.method(), request.url()))
    page.on('websocket', (socket) => this.asked('GET', socket.url()))
    page.on('pageerror', (error) => this.errors.push(`${page.url()}: ${error.message}`))
    page.on('console', (message) => {
      if (message.type() !== 'error') return
      const { url } = message.location()
      const announced = this.announced.some(
        ({ said, path }) => message.text().includes(said) && path.test(url),
      )
      if (!announced) this.errors.push(`${page.url()}: ${message.text()} (${url})`)
    })
    return page
  }

  private asked(method: string, address: string): void {
    if (!this.documented.knows(method, address))
      this.errors.push(`${method} ${address} is not in the OpenAPI document`)
  }

  /** Chromium reports every refused request as an error; this one is what the step is about. */
  expectRefusal(status: number, path: RegExp): void {
    this.expectError(`status of ${status}`, path)
  }

  /** What a page reports, and of what address. */
  expectError(said: string, path: RegExp): void {
    this.announced.push({ said, path })
  }

  async close(): Promise<void> {
    await this.browser.close()
  }
}

/** A picture of the page as it is, fonts loaded; and what somebody with a screen reader or weak eyes would trip over. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready)
  await page.screenshot({ path: join(artifacts, `${name}.png`), animations: 'disabled' })
  if (name !== 'failed') expect(await barriers(page), name).toEqual([])
}
