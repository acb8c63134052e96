/** The rule for instance ids, `^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$`, told piece by piece to the person who types one. */
const LONGEST = 40

export type IdFault = 'idEmpty' | 'idCharacters' | 'idEnds' | 'idLong' | 'idTaken'

export function idFault(id: string, taken: (id: string) => boolean): IdFault | undefined {
  if (id === '') return 'idEmpty'
  if (/[^a-z0-9-]/.test(id)) return 'idCharacters'
  if (id.length > LONGEST) return 'idLong'
  if (id.startsWith('-') || id.endsWith('-')) return 'idEnds'
  return taken(id) ? 'idTaken' : undefined
}
