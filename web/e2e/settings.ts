/** Where the walk goes and as whom, from the environment. */
import { resolve } from 'node:path'

function required(name: string): string {
  const value = process.env[name]
  if (!value)
    throw new Error(
      `set ${name}: the walk needs CREEL_URL, CREEL_LLM, CREEL_USER and CREEL_PASSWORD of a running backend`,
    )
  return value
}

export const url = required('CREEL_URL').replace(/\/$/, '')
/** Where the LLM Gateway listens. */
export const llm = required('CREEL_LLM').replace(/\/$/, '')
export const user = required('CREEL_USER')
export const password = required('CREEL_PASSWORD')
export const artifacts = resolve(
  process.env['ARTIFACTS'] ?? resolve(import.meta.dirname, '../../tests/artifacts/console'),
)
export const chromium = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
