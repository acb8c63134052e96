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

  /** A proxy answered, because there was nobody behind it: it knows nothing but the status. */
  get isAway(): boolean {
    return /^50[234]\b/.test(this.message)
  }
}

/** A refusal as it is sent. */
export interface ProblemBody {
  status?: number
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
  const body = parse(await response.text().catch(() => ''))
  const wait = Number(response.headers.get('retry-after') ?? Number.NaN)
  const status = `${response.status} ${response.statusText}`.trim()
  return problemIn(body, response.status, status, Number.isFinite(wait) ? wait : undefined)
}

/** A refusal that came as a part of an answer; `otherwise` where it says nothing. */
export function problemIn(
  body: ProblemBody,
  status = body.status ?? 0,
  otherwise = '',
  wait?: number,
): Problem {
  const message = body.detail ?? body.error?.message ?? body.title ?? otherwise
  const code = body.code ?? body.error?.code
  return new Problem(
    message,
    status,
    body.line,
    body.column,
    wait,
    typeof code === 'string' ? code : undefined,
    body.lines,
  )
}

function parse(text: string): ProblemBody {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    return {}
  }
}
