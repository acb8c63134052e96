/** What becomes of an instance when it is idle: what can be asked for. Pure. */

/** A week at the most. */
export const MINUTES = { least: 1, most: 7 * 24 * 60 }

/** Whether it holds a connection to a chat platform, which must not sleep: messages would be lost. */
export function isConnected(channels: { type: string }[]): boolean {
  return channels.some(({ type }) => type !== 'webchat')
}

/** Whether the text is a whole number within these bounds. */
export function isWhole(text: string, least: number, most: number): boolean {
  const number = Number(text)
  return text.trim() !== '' && Number.isInteger(number) && number >= least && number <= most
}
