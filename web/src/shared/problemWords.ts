/**
 * Refusals of the Cloud Backend and of gateways in the reader's language. The server's own sentence is English and the most exact: in
 * English it is shown as it is, in Chinese the page says what the code means, and adds the sentence where it holds facts of
 * its own. A code without words here is shown as the server said it.
 */
import type { Locale } from './locale'

interface Said {
  message: string
  code?: string | undefined
}

interface Words {
  text: string
  /** Whether the server's sentence holds what the words do not: a line, a reason, the instance's last words. */
  detail?: true
}

export const PROBLEMS: Record<string, Words> = {
  access_ended: { text: '你的访问已结束，请联系管理员。' },
  accounts_unavailable: { text: '暂时无法查到余额，请稍后重试。' },
  bad_request: { text: '请求有误。', detail: true },
  broken_config: { text: '配置有误。', detail: true },
  broken_configuration: { text: '你的配置有误，修正之前无法回答。', detail: true },
  broken_template: { text: '模板有误，正在使用的没有改变。', detail: true },
  busy: { text: '服务器正忙，请稍后重试。' },
  cancelled: { text: '回答被中断，请重试。' },
  changed_elsewhere: { text: '它已在别处被修改，你的更改没有保存。' },
  conflicts: { text: '模板与实例中设定的内容不同，请选择以哪个为准。', detail: true },
  context_too_long: { text: '对话太长，超出了模型的上下文。请开始新会话。' },
  data_in_use: { text: '还有其他进程在使用它的数据，请先结束它。', detail: true },
  data_kept: { text: '磁盘上还保留着同名实例的数据。' },
  disk_full: { text: '磁盘已满，请腾出空间后重试。', detail: true },
  driver: { text: '容器引擎拒绝了请求。', detail: true },
  driver_away: { text: '实例所在的地方没有应答。', detail: true },
  draining: { text: '实例正在停止，请稍后重试。' },
  expired_api_key: { text: '密钥已过期。' },
  forbidden: { text: '没有权限。请刷新页面后重试。' },
  foreign_origin: { text: '浏览器从其他网站发来的请求被拒绝。' },
  gateway_named: { text: '供用户使用的网关已由 creel.toml 指定。' },
  idempotency_key_reused: { text: '这次请求与之前的重复但内容不同，请重新发送。' },
  in_use: { text: '它仍在使用中。', detail: true },
  internal: { text: '服务器内部出错，详情见服务器日志。' },
  invalid_api_key: { text: '密钥无效或已作废。' },
  invalid_request: { text: '请求有误。', detail: true },
  invalid_value: { text: '填写的内容无效。', detail: true },
  method_not_allowed: { text: '该地址不支持这种请求。' },
  model_not_allowed: { text: '这个密钥不能使用该模型。', detail: true },
  model_not_found: { text: '没有这个模型。', detail: true },
  model_not_priced: { text: '该模型还没有价格，请先设定。', detail: true },
  no_api_key: { text: '请求没有带密钥。' },
  no_gateway: { text: '还没有供用户使用的网关。' },
  no_model: { text: '没有可用的模型，请先配置。', detail: true },
  no_token: { text: '请求没有带令牌。' },
  no_transcripts: { text: 'OpenClaw 保留这段对话，但没有可供读取的 HTTP 接口。' },
  not_found: { text: '找不到该对象，可能已被移除。' },
  not_offered: { text: '没有供应商提供这种能力。', detail: true },
  not_running: { text: '实例没有运行，请先启动。' },
  not_settled: { text: '实例在规定时间内没有进入预期状态。', detail: true },
  out_of_credits: { text: '积分已用完，请联系管理员充值。' },
  port_in_use: { text: '端口已被占用。', detail: true },
  provider_bad_request: { text: '模型供应商拒绝了请求。', detail: true },
  provider_cut: { text: '模型供应商的回答中途断开，请重试。' },
  provider_garbage: { text: '模型供应商的回答无法识别，请重试。' },
  provider_out_of_credits: { text: '模型供应商的额度已用完。' },
  provider_rate_limited: { text: '模型供应商限流，请稍后重试。' },
  provider_timeout: { text: '模型供应商没有及时回答，请重试。' },
  provider_unauthorized: { text: '模型供应商不接受所用的密钥，请检查配置。' },
  provider_unavailable: { text: '暂时无法连接模型供应商。', detail: true },
  providers_busy: { text: '模型供应商都在限流，请稍后重试。' },
  providers_down: { text: '模型供应商都无法使用，请稍后重试。' },
  providers_silent: { text: '模型供应商都没有及时回答，请重试。' },
  quota_exceeded: { text: '工作区已满，请删除一些会话或文件。', detail: true },
  rate_limit_requests: { text: '每分钟请求数已达上限，请稍后重试。' },
  rate_limit_tokens: { text: '每分钟 token 数已达上限，请稍后重试。' },
  rate_limited: { text: '请求过于频繁，请稍后再试。' },
  records: { text: '数据库暂时没有响应，请稍后再试。' },
  reply_too_large: { text: '模型的回答过大，已被丢弃。' },
  request_timeout: { text: '请求发送得太慢，已被放弃。' },
  request_too_large: { text: '请求超过大小限制。', detail: true },
  rolled_back: { text: '升级没有成功，已恢复原状。', detail: true },
  runtime: { text: '运行时无法安装或启动。', detail: true },
  session_busy: { text: '这个会话正在回答另一条消息，请稍后重试。' },
  session_deleted: { text: '这个会话已被删除。' },
  shutting_down: { text: 'Creel 正在停止，请稍后再试。' },
  sleepless: { text: '实例无法休眠。', detail: true },
  start_failed: { text: '实例启动失败。', detail: true },
  stays_on: { text: '它连接着聊天平台，必须保持运行：休眠或停止会丢失消息。' },
  stopping: { text: '服务正在停止，请稍后重试。' },
  storage: { text: '会话无法保存，详情见实例日志。' },
  stream_broken: { text: '模型供应商的回答中途断开，请重试。' },
  stream_garbage: { text: '模型供应商的回答无法识别，请重试。' },
  stream_overrun: { text: '模型的回答超过了允许的长度。' },
  stream_silent: { text: '模型供应商过久没有响应，请重试。' },
  stream_too_long: { text: '回答超过了时间限制。' },
  superseded: { text: '这个操作已被后来的操作取代。' },
  taken: { text: '这个名称已被占用。' },
  too_large: { text: '内容超过大小限制。', detail: true },
  too_many_connections: { text: '连接过多，请稍后再试。' },
  too_many_failures: { text: '失败次数过多，请稍后再试。' },
  too_many_requests: { text: '请求过于频繁，请稍后再试。' },
  too_many_tokens: { text: '令牌过多，请先作废不用的。' },
  too_slow: { text: '请求发送得太慢，已被放弃。' },
  turn_timed_out: { text: '回答超过了时间限制。' },
  unauthorized: { text: '用户名、密码、令牌或登录状态无效。' },
  unreachable: { text: '实例没有响应，原因见它的日志。' },
  user_disabled: { text: '这个用户已被停用，请联系管理员。' },
  users_not_synced: { text: '网关还没有取得用户资料，请稍后重试。' },
}

export function say(problem: Said, locale: Locale): string {
  const words = locale === 'zh' && problem.code !== undefined ? PROBLEMS[problem.code] : undefined
  if (!words) return problem.message
  return words.detail ? `${words.text}\n${problem.message}` : words.text
}
