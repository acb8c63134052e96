/** Passwords, as the backend takes them. */
const LEAST = 8
const MOST = 1024
/** Without those that are taken for one another when they are read out. */
const LETTERS = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const LENGTH = 20

export function isPassword(text: string): boolean {
  const { length } = new TextEncoder().encode(text)
  return length >= LEAST && length <= MOST
}

/** One that nobody guesses: 20 letters and digits, some 116 bits. */
export function newPassword(): string {
  let password = ''
  while (password.length < LENGTH) {
    for (const byte of crypto.getRandomValues(new Uint8Array(LENGTH))) {
      // A byte beyond the last whole round of letters would favour the first of them.
      const fair = byte < 256 - (256 % LETTERS.length)
      if (fair && password.length < LENGTH) password += LETTERS[byte % LETTERS.length]
    }
  }
  return password
}
