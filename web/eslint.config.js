import { defineConfigWithVueTs, vueTsConfigs } from '@vue/eslint-config-typescript'
import prettier from 'eslint-config-prettier'
import vue from 'eslint-plugin-vue'

export default defineConfigWithVueTs(
  { ignores: ['dist/**', 'node_modules/**'] },
  vue.configs['flat/recommended'],
  vueTsConfigs.strict,
  {
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'vue/block-order': ['error', { order: ['script', 'template', 'style'] }],
      'vue/multi-word-component-names': 'off',
    },
  },
  {
    // Command-line programs talk to a terminal.
    files: ['mock/**', 'e2e/**'],
    rules: { 'no-console': 'off' },
  },
  prettier,
)
