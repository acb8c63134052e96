/** Which of the two languages a page speaks: the remembered choice, else the browser's first one that is known. */
import { ref } from 'vue'

export type Locale = 'en' | 'zh'

const KEY = 'creel.locale'

/** The first known language of `wanted` (tags as in `navigator.languages`), English when none is. */
export function negotiate(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split('-')[0]
    if (language === 'zh' || language === 'en') return language
  }
  return 'en'
}

const remembered = localStorage.getItem(KEY)
export const locale = ref<Locale>(negotiate(remembered ? [remembered] : navigator.languages))

/** The tag for `lang` and `Intl`. */
export function languageTag(value: Locale): string {
  return value === 'zh' ? 'zh-CN' : 'en'
}

export function setLocale(value: Locale): void {
  locale.value = value
  localStorage.setItem(KEY, value)
  document.documentElement.lang = languageTag(value)
}

document.documentElement.lang = languageTag(locale.value)
