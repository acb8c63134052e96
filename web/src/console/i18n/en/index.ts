/** English, a file each for the pages. Its shape is the contract: Chinese has exactly these keys. */
import { config } from './config'
import { create } from './create'
import { credits } from './credits'
import { dashboard } from './dashboard'
import { frame } from './frame'
import { instance } from './instance'
import { instances } from './instances'
import { llm } from './llm'
import { settings } from './settings'
import { usage } from './usage'
import { users } from './users'

export const en = {
  ...frame,
  ...dashboard,
  ...instances,
  ...create,
  ...instance,
  ...config,
  ...settings,
  ...llm,
  ...usage,
  ...credits,
  ...users,
}

export type Words = typeof en
