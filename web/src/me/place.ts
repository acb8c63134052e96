/** Where on this page the visitor is: a part of it, or the sign-in. Each has an address of its own. */
import { ref } from 'vue'

export const SECTIONS = ['usage', 'chat', 'tokens', 'identity', 'configuration', 'account'] as const
export type Section = (typeof SECTIONS)[number]
const ROOT = '/me'

/** The first section is at the root. */
export function pathOf(section: Section): string {
  return section === SECTIONS[0] ? ROOT : `${ROOT}/${section}`
}

export function sectionAt(path: string): Section {
  const name = path.slice(ROOT.length + 1).split('/')[0]
  return SECTIONS.find((section) => section === name) ?? SECTIONS[0]
}

export const here = ref<Section>(sectionAt(location.pathname))

export function go(section: Section): void {
  if (section === here.value) return
  history.pushState(null, '', pathOf(section))
  here.value = section
}

addEventListener('popstate', () => (here.value = sectionAt(location.pathname)))

/** What went wrong on the way back from the identity provider, said once. */
export function takeError(): string {
  const code = new URLSearchParams(location.search).get('error') ?? ''
  if (code) history.replaceState(null, '', pathOf(here.value))
  return code
}
