/** Credits are decimals in text with six digits after the point at most: added here as whole millionths, without a rounding. Pure. */
const MICROS = 1_000_000n

export function micros(credits: string): bigint {
  const [, sign, whole = '', part = ''] = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(credits) ?? []
  const value = BigInt(whole || '0') * MICROS + BigInt(part.padEnd(6, '0'))
  return sign ? -value : value
}

export function credits(value: bigint): string {
  const size = value < 0n ? -value : value
  const part = String(size % MICROS)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return `${value < 0n ? '-' : ''}${size / MICROS}${part && `.${part}`}`
}

/** As a change: what is gained has a sign too, what is neither gained nor lost has none. */
export function signed(amount: string): string {
  return micros(amount) > 0n ? `+${amount}` : amount
}

export function sumOf(amounts: string[]): string {
  return credits(amounts.reduce((sum, amount) => sum + micros(amount), 0n))
}
