/** Sentences of the server, said in Chinese. English is the server's own; a sentence without words here is shown as it came. Pure. */

/** A whole line, and what it says in Chinese: `$1` is said in Chinese in turn, `$2` and on are taken as they are. */
export type Saying = [line: RegExp, chinese: string]

export function inChinese(sayings: Saying[], line: string): string {
  for (const [pattern, words] of sayings) {
    const found = pattern.exec(line)
    if (!found) continue
    return words.replace(/\$(\d)/g, (_, n: string) => {
      const part = found[Number(n)] ?? ''
      return n === '1' ? inChinese(sayings, part) : part
    })
  }
  return line
}
