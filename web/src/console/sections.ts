/** The parts of pages that have an address of their own; the first of each is where its page begins. */
export const TABS = ['overview', 'logs', 'configuration', 'chat', 'token'] as const
export type Tab = (typeof TABS)[number]

export const LLM_SECTIONS = ['providers', 'models', 'prices', 'keys'] as const
export type LlmSection = (typeof LLM_SECTIONS)[number]

export const SETTINGS_SECTIONS = ['system', 'drivers', 'images', 'templates', 'providers'] as const
export type SettingsSection = (typeof SETTINGS_SECTIONS)[number]

export const USER_TABS = ['overview', 'token', 'identity', 'configuration'] as const
export type UserTab = (typeof USER_TABS)[number]
