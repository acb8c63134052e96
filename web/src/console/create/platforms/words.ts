/** The words of the chat platforms: what they are called, and where in each one's own pages a person finds what is asked for. */
import type { Locale } from '@/shared/locale'
import { en } from './en'
import { zh } from './zh'

export interface PlatformWords {
  name: string
  /** What has to be done there before anything is received. */
  about: string
  /** Where that is done. */
  site?: string
  fields: Record<string, { label: string; where: string }>
}

const WORDS: Record<Locale, Record<string, PlatformWords>> = { en, zh }

/** What people call it, in any language. */
export const platformNames = (type: string): string[] =>
  Object.values(WORDS).flatMap((words) => words[type]?.name ?? [])

/** Of a channel that this console does not know, its own names. */
export function platformWords(type: string, locale: Locale): PlatformWords {
  return WORDS[locale][type] ?? { name: type, about: '', fields: {} }
}
