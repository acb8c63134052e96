/** The page's own words; the rest is the document's. */
import { computed } from 'vue'
import { locale } from '@/shared/locale'

const en = {
  console: 'Console',
  filter: 'Filter paths',
  loading: 'Reading the API description',
  signIn: 'The API is described to who is signed in.',
  goSignIn: 'Sign in',
  parameters: 'Parameters',
  body: 'Body',
  responses: 'Responses',
  required: 'required',
  tryIt: 'Try it',
  send: 'Send',
  careful: 'This changes your Creel.',
  language: '切换到中文',
  theme: 'Light or dark',
  document: 'OpenAPI document',
}

const zh: typeof en = {
  console: '控制台',
  filter: '筛选路径',
  loading: '正在读取 API 描述',
  signIn: '登录后才能查看 API 描述。',
  goSignIn: '登录',
  parameters: '参数',
  body: '请求体',
  responses: '响应',
  required: '必填',
  tryIt: '试一试',
  send: '发送',
  careful: '这会改变你的 Creel。',
  language: 'EN: switch to English',
  theme: '浅色或深色',
  document: 'OpenAPI 文档',
}

export const words = computed(() => (locale.value === 'zh' ? zh : en))
