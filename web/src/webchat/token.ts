/**
 * The instance's token in the browser: for this tab (`sessionStorage`) or until signed out (`localStorage`), as the user
 * chose. A link may carry it as `#token=…`; it is taken from the address bar at once, so that it is not shared on.
 */
const KEY = 'creel.token'

export function takeTokenFromAddress(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (!token) return
  sessionStorage.setItem(KEY, token)
  history.replaceState(null, '', location.pathname + location.search)
}

export function currentToken(): string | undefined {
  return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? undefined
}

export function keepToken(token: string, remember: boolean): void {
  forgetToken()
  const storage = remember ? localStorage : sessionStorage
  storage.setItem(KEY, token)
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY)
  localStorage.removeItem(KEY)
}
