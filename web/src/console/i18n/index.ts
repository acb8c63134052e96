/** The console's languages: vue-i18n fed from the remembered or negotiated locale, Element Plus following along. */
import elementEn from 'element-plus/es/locale/lang/en'
import elementZh from 'element-plus/es/locale/lang/zh-cn'
import { computed, watch } from 'vue'
import { createI18n } from 'vue-i18n'
import { locale } from '@/shared/locale'
import { en, type Words } from './en'
import { zh } from './zh'

declare module 'vue-i18n' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- makes `t()` accept existing keys only
  export interface DefineLocaleMessage extends Words {}
}

export const i18n = createI18n({
  legacy: false,
  locale: locale.value,
  fallbackLocale: 'en',
  messages: { en, zh },
})

watch(locale, (value) => (i18n.global.locale.value = value))

export const elementLocale = computed(() => (locale.value === 'zh' ? elementZh : elementEn))
