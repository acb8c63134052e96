/**
 * Refusals in the reader's language. The server's own sentence is English and the most exact: in English it is shown as it is, in
 * Chinese the console says what the code means, and adds the sentence where it holds facts of its own. A code without words
 * here is shown as the server said it.
 */
import type { Locale } from '@/shared/locale'
import type { Problem } from '@/shared/problem'

interface Words {
  text: string
  /** Whether the server's sentence holds what the words do not: a line, a reason, the instance's last words. */
  detail?: true
}

export const PROBLEMS: Record<string, Words> = {
  bad_request: { text: '请求有误。', detail: true },
  broken_config: { text: '配置有误。', detail: true },
  changed_elsewhere: { text: '它已在别处被修改，你的更改没有保存。' },
  disk_full: { text: '磁盘已满，什么都没有改变。' },
  forbidden: { text: '没有权限。请刷新页面后重试。' },
  internal: { text: '服务器内部出错，详情见服务器日志。' },
  invalid_value: { text: '填写的内容无效。', detail: true },
  method_not_allowed: { text: '该地址不支持这种请求。' },
  no_transcripts: { text: 'OpenClaw 保留这段对话，但没有可供读取的 HTTP 接口。' },
  not_found: { text: '找不到该对象，可能已被移除。' },
  not_running: { text: '实例没有运行，请先启动。' },
  not_settled: { text: '实例在规定时间内没有进入预期状态。', detail: true },
  port_in_use: { text: '端口已被占用。', detail: true },
  runtime: { text: '运行时无法安装或启动。', detail: true },
  shutting_down: { text: 'Creel 正在停止，请稍后再试。' },
  start_failed: { text: '实例启动失败。', detail: true },
  superseded: { text: '这个操作已被后来的操作取代。' },
  taken: { text: '这个名称已被占用。' },
  too_large: { text: '内容超过大小限制。', detail: true },
  too_many_failures: { text: '失败次数过多，请稍后再试。' },
  unauthorized: { text: '用户名、密码或登录状态无效。' },
  unreachable: { text: '实例没有响应，原因见它的日志。' },
}

export function say(problem: Problem, locale: Locale): string {
  const words = locale === 'zh' && problem.code !== undefined ? PROBLEMS[problem.code] : undefined
  if (!words) return problem.message
  return words.detail ? `${words.text}\n${problem.message}` : words.text
}
