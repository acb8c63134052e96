/**
 * Server-sent events over `fetch`, as the WHATWG HTML standard defines the stream (section 9.2.6). `EventSource` cannot
 * POST or carry an `Authorization` header, so a model's answer is read with this.
 */
export interface ServerEvent {
  event: string
  data: string
}

/** Turns text that arrives in arbitrary pieces into events. Knows nothing of where the text comes from. */
export class EventParser {
  private pending = ''
  private event = ''
  private data: string[] = []

  push(text: string): ServerEvent[] {
    const lines = (this.pending + text).split(/\r\n|\n|\r(?!$)/)
    this.pending = lines.pop() ?? ''
    const events: ServerEvent[] = []
    for (const line of lines) {
      const event = this.line(line)
      if (event) events.push(event)
    }
    return events
  }

  private line(line: string): ServerEvent | undefined {
    if (line === '') return this.dispatch()
    const colon = line.indexOf(':')
    if (colon === 0) return undefined // a comment, sent to keep the connection open
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.event = value
    if (field === 'data') this.data.push(value)
    return undefined
  }

  private dispatch(): ServerEvent | undefined {
    const event = { event: this.event || 'message', data: this.data.join('\n') }
    const empty = this.data.length === 0
    this.event = ''
    this.data = []
    return empty ? undefined : event
  }
}

/**
 * The events of a response body, in order, until it ends. Aborting the request throws from the loop; leaving the loop tells the
 * server that nobody reads on.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const parser = new EventParser()
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      yield* parser.push(done ? decoder.decode() : decoder.decode(value, { stream: true }))
      if (done) return
    }
  } finally {
    // A body that has failed already cannot be cancelled, and need not be.
    await reader.cancel().catch(() => {})
    reader.releaseLock()
  }
}
