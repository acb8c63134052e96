/** 用量。 */
import type { Words } from '../en'

export const usage: Pick<Words, 'usage'> = {
  usage: {
    title: '用量',
    about: '日期和小时均为 UTC。',
    from: '从',
    until: '到',
    user: '某个用户',
    everyone: '所有人',
    lastDays: '{days} 天',
    today: '今天',
    badRange: '请填写有效日期，且开始不晚于结束。',
    credits: '积分',
    tokens: 'Token',
    calls: '调用',
    failed: '失败',
    ended: '正常结束',
    input: '输入 token',
    output: '输出 token',
    estimated: '估算的调用',
    estimatedWhy: '估算的调用：供应商没有给出全部 token 数，由 LLM 网关自行计数。',
    show: '显示内容',
    overTime: '随时间',
    breakdown: '来源',
    by: { user: '用户', model: '模型', instance: '实例', provider: '供应商' },
    nobody: '（无）',
    csv: 'CSV',
    csvOf: '{title} CSV',
    more: '仅显示前 {shown} 项，共 {total} 项。CSV 包含全部。',
    emptyTitle: '这些天没有用量',
    emptyText:
      '用量来自 LLM 网关，实例也经由它访问模型：用虚拟密钥调用 {path}，结束时即计入 token 数和费用，几秒后显示在这里。',
    emptyAction: '设置 LLM 网关',
  },
}
