/** Addresses of well-known providers, as their own API references give them, to fill the form with. */
import type { Style } from '../api/llm'

export interface Preset {
  name: string
  style: Style
  base_url: string
}

export const PRESETS: Preset[] = [
  { name: 'openai', style: 'openai', base_url: 'https://api.openai.com/v1' },
  { name: 'anthropic', style: 'anthropic', base_url: 'https://api.anthropic.com/v1' },
  { name: 'openrouter', style: 'openai', base_url: 'https://openrouter.ai/api/v1' },
  { name: 'deepseek', style: 'openai', base_url: 'https://api.deepseek.com/v1' },
  { name: 'qwen', style: 'openai', base_url: 'https://dashscope.aliyuncs.com/compatible-mode/v1' },
  { name: 'moonshot', style: 'openai', base_url: 'https://api.moonshot.cn/v1' },
  { name: 'zhipu', style: 'openai', base_url: 'https://open.bigmodel.cn/api/paas/v4' },
  { name: 'ollama', style: 'openai', base_url: 'http://127.0.0.1:11434/v1' },
]
