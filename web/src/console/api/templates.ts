/** Templates, and how instances differ from them. */
import type { ConfigText } from '@/shared/editor/useConfig'
import { call, send } from './http'
import { pathOf } from './instances'
import type { Instance } from './types'

export interface TemplateInfo {
  path: string
  /** A file of this home is used in place of the built-in one. */
  overridden: boolean
}

export interface Template {
  content: string
  /** The text that comes with Creel. */
  builtin: string
  overridden: boolean
}

export interface TemplateDiff {
  changed: boolean
  /** A unified diff. */
  diff: string
  /** The `openclaw.json` as it would be. */
  content: string
  /** Places that a person and the template changed differently; in `content` the person's counts. */
  conflicts: { path: string; line?: number; column?: number }[]
}

/** Nothing to bring, and nothing to decide. */
export const isSame = ({ changed, conflicts }: TemplateDiff): boolean => !changed && !conflicts.length

/** Whose value counts where both changed one. */
export type Choice = 'keep' | 'template'

const at = (path: string) => `/api/templates/${path.split('/').map(encodeURIComponent).join('/')}`

export async function listTemplates(): Promise<TemplateInfo[]> {
  return (await call<{ templates: TemplateInfo[] }>('GET', '/api/templates')).templates
}

export async function readTemplate(path: string): Promise<Template & ConfigText> {
  return withEtag(await send('GET', at(path)))
}

/** Refused with 412 where it is another than the one that was read. */
export async function writeTemplate(
  path: string,
  { content, etag }: ConfigText,
): Promise<Template & ConfigText> {
  const headers = { 'content-type': 'application/json', ...(etag && { 'if-match': etag }) }
  return withEtag(await send('PUT', at(path), { headers, body: JSON.stringify({ content }) }))
}

async function withEtag(response: Response): Promise<Template & ConfigText> {
  const template = (await response.json()) as Template
  return { ...template, etag: response.headers.get('etag') ?? undefined }
}

/** Puts the built-in one back. */
export function resetTemplate(path: string): Promise<unknown> {
  return call('DELETE', at(path))
}

/** What a sync would change. */
export function diffOf(id: string): Promise<TemplateDiff> {
  return call('GET', `${pathOf(id)}/config/diff`)
}

export function syncOne(id: string, conflicts?: Choice): Promise<{ changed: boolean; instance: Instance }> {
  return call('POST', `${pathOf(id)}/config/sync`, { ...(conflicts && { conflicts }) })
}
