/** The rule for user ids, as the backend has it, so that a field can say what is wrong while it is typed. */
export type UserIdFault = 'idEmpty' | 'idBegins' | 'idCharacters' | 'idLong' | 'idTaken'

const MOST = 128

export function userIdFault(id: string, taken: (id: string) => boolean): UserIdFault | undefined {
  if (!id) return 'idEmpty'
  if (id.length > MOST) return 'idLong'
  if (!/^[A-Za-z0-9]/.test(id)) return 'idBegins'
  if (!/^[A-Za-z0-9._:@+-]*$/.test(id)) return 'idCharacters'
  return taken(id) ? 'idTaken' : undefined
}
