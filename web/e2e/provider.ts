/** A model provider of the walk's own: answers every call with the same words and token counts. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export const TOKENS = { prompt: 1200, completion: 300 }

export class Provider {
  private constructor(private readonly server: Server) {}

  static async start(): Promise<Provider> {
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(
          JSON.stringify({
            id: 'walk',
            object: 'chat.completion',
            created: 0,
            model: 'walk',
            choices: [{ index: 0, message: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }],
            usage: {
              prompt_tokens: TOKENS.prompt,
              completion_tokens: TOKENS.completion,
              total_tokens: TOKENS.prompt + TOKENS.completion,
            },
          }),
        )
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Provider(server)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`
  }

  stop(): void {
    this.server.close()
    this.server.closeAllConnections()
  }
}
