/** The console as the walk handles it: what a person would look for and press. */
import type { APIResponse, Locator, Page } from 'playwright-core'
import { password, url } from './settings'

export class Console {
  constructor(public page: Page) {}

  part(name: string): Locator {
    return this.page.locator(`[data-test="${name}"]`)
  }

  /** The REST API beside the console, as a program with its token uses it. */
  async api(
    method: string,
    path: string,
    data?: unknown,
    headers: Record<string, string> = {},
  ): Promise<APIResponse> {
    const authorization = `Bearer ${password}`
    return this.page.request.fetch(`${url}${path}`, { method, data, headers: { authorization, ...headers } })
  }

  /** The field that narrows a list. */
  get filter(): Locator {
    return this.page.locator('[data-test="filter"] input, input[data-test="filter"]').first()
  }

  async open(path: string): Promise<void> {
    await this.page.goto(`${url}${path}`)
  }

  async signIn(username: string, password: string): Promise<void> {
    await this.page.locator('#username').fill(username)
    await this.page.locator('#password').fill(password)
    await this.page.locator('form button[type=submit]').click()
  }

  /** The side bar on a desktop, the top bar on a phone. */
  async press(preference: 'language' | 'theme' | 'sign-out'): Promise<void> {
    await this.page.locator(`[data-test="${preference}"]:visible`).click()
  }

  async tab(name: 'overview' | 'logs' | 'configuration' | 'chat' | 'token'): Promise<void> {
    await this.part(`tab-${name}`).click()
  }

  async status(status: 'running' | 'stopped' | 'sleeping'): Promise<void> {
    await this.page.locator(`[data-test="status"].${status}`).waitFor()
  }

  row(id: string): Locator {
    return this.page.locator(`[data-instance="${id}"]`)
  }

  /** The newest answer, once it is complete. */
  async answer(): Promise<string> {
    const last = this.page.locator('.chat-message.assistant').last()
    await last.and(this.page.locator('.done')).waitFor()
    return last.locator('.chat-text').innerText()
  }

  async say(text: string): Promise<void> {
    await this.page.locator('.chat-composer textarea').fill(text)
    await this.page.locator('.chat-composer textarea').press('Enter')
  }
}
