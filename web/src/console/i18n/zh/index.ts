/** 简体中文，按页面分文件。键与英文完全一致，由类型检查保证。 */
import type { Words } from '../en'
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

export const zh: Words = {
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
