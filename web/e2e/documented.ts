/** What the OpenAPI document of the backend knows: everything that the console asks is to be in it. */
import { url } from './settings'

interface Document {
  paths: Record<string, Record<string, unknown>>
}

export class Documented {
  private constructor(private readonly operations: { method: string; path: RegExp }[]) {}

  static async read(): Promise<Documented> {
    const { paths } = (await (await fetch(`${url}/api/openapi.json`)).json()) as Document
    const operations = Object.entries(paths).flatMap(([template, operations]) => {
      // A template's path is all that is left of the address.
      const path = template
        .replaceAll('.', '\\.')
        .replace(/\{path\}/, '.+')
        .replaceAll(/\{\w+\}/g, '[^/]+')
      return Object.keys(operations).map((method) => ({ method, path: new RegExp(`^${path}$`) }))
    })
    return new Documented(operations)
  }

  /** Requests to the backend alone; the pages themselves are no part of its API. */
  knows(method: string, address: string): boolean {
    const { pathname, port } = new URL(address)
    if (port !== new URL(url).port || !pathname.startsWith('/api/')) return true
    return this.operations.some((one) => one.method === method.toLowerCase() && one.path.test(pathname))
  }
}
