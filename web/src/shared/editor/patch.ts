/** The lines of a unified diff, by what became of them. Pure. */
export interface PatchLine {
  kind: 'added' | 'removed' | 'same' | 'place'
  text: string
}

const KINDS: Record<string, PatchLine['kind']> = { '+': 'added', '-': 'removed', '@': 'place', '\\': 'place' }

/** Of one file. Its two lines of names come first, where it has them, and are no lines of the text. */
export function patchLines(patch: string): PatchLine[] {
  const lines = patch.replace(/\n$/, '').split('\n')
  const named = lines[0]?.startsWith('--- ') && lines[1]?.startsWith('+++ ')
  return lines.slice(named ? 2 : 0).map((text) => ({ kind: KINDS[text[0] ?? ''] ?? 'same', text }))
}
