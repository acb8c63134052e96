/**
 * A WebSocket that is opened again when it closes, later and later. A browser does not say why one was refused, so before every
 * further attempt `welcome` asks: an ended session or an instance that is gone is no reason to try again.
 */
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 10_000

interface Handlers {
  opened(): void
  message(data: string): void
  closed(): void
  /** Whether another attempt has a chance. A server that does not answer is a reason to wait, not to give up. */
  welcome(): Promise<boolean>
}

/** Returns what ends it. */
export function keepOpen(address: URL, { opened, message, closed, welcome }: Handlers): () => void {
  let socket: WebSocket | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let wait = FIRST_WAIT_MS
  let ended = false

  function connect() {
    socket = new WebSocket(address)
    socket.onopen = () => {
      wait = FIRST_WAIT_MS
      opened()
    }
    socket.onmessage = ({ data }) => message(data as string)
    socket.onclose = () => {
      closed()
      timer = setTimeout(again, wait)
      wait = Math.min(wait * 2, LONGEST_WAIT_MS)
    }
  }

  async function again() {
    if ((await welcome()) && !ended) connect()
  }

  connect()
  return () => {
    ended = true
    clearTimeout(timer)
    if (socket) socket.onclose = null
    socket?.close()
  }
}
