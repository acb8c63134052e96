/** What is wrong with one line of a table that was sent. */
export interface WrongLine {
  line: number
  detail: string
}

/**
 * What a server said when it refused, as an error to show where it happened. Reads RFC 9457 `application/problem+json`
 * and OpenAI's `{"error":{"message"}}`, which the `/v1` paths of a gateway answer with.
 */
export class Problem extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly line?: number,
    readonly column?: number,
    /** Seconds to wait before the next attempt, from `Retry-After`. */
    readonly retryAfter?: number,
    /** The server's word for machines, such as `port_in_use`. */
    readonly code?: string,
    readonly lines: WrongLine[] = [],
  ) {
    super(message)
  }
}

interface Body {
  detail?: string
  title?: string
  code?: unknown
  error?: { message?: string; code?: unknown }
  line?: number
  column?: number
  lines?: WrongLine[]
}

/** Reads a refusal. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => '')
  const body = parse(text)
  const message =
    body.detail ?? body.error?.message ?? body.title ?? `${response.status} ${response.statusText}`.trim()
  const code = body.code ?? body.error?.code
  const wait = Number(response.headers.get('retry-after') ?? Number.NaN)
  return new Problem(
    message,
    response.status,
    body.line,
    body.column,
    Number.isFinite(wait) ? wait : undefined,
    typeof code === 'string' ? code : undefined,
    body.lines,
  )
}

function parse(text: string): Body {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    return {}
  }
}
