/** The places of the console, in the order of its navigation. */
import { book, credits, dashboard, instances, models, settings, usage, users } from '@/shared/icons/outlines'

export interface Place {
  name: 'dashboard' | 'instances' | 'users' | 'llm' | 'usage' | 'credits' | 'settings' | 'api'
  /** Everything below it belongs to it. */
  path: string
  icon: string
}

export const PLACES: Place[] = [
  { name: 'dashboard', path: '/', icon: dashboard },
  { name: 'instances', path: '/instances', icon: instances },
  { name: 'users', path: '/users', icon: users },
  { name: 'llm', path: '/llm', icon: models },
  { name: 'usage', path: '/usage', icon: usage },
  { name: 'credits', path: '/credits', icon: credits },
  { name: 'settings', path: '/settings', icon: settings },
  { name: 'api', path: '/docs', icon: book },
]

/** Whether the address `path` belongs to a place. */
export function isAt(place: Place, path: string): boolean {
  return place.path === '/' ? path === '/' : path === place.path || path.startsWith(`${place.path}/`)
}
