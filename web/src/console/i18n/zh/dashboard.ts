/** 仪表盘。 */
import type { Words } from '../en'

export const dashboard: Pick<Words, 'dashboard'> = {
  dashboard: {
    title: '仪表盘',
    up: '已运行 {uptime}',
    total: '实例',
    running: '运行中',
    sleeping: '休眠',
    stopped: '已停止',
    error: '出错',
    other: '转换中',
    cpu: 'CPU',
    memory: '内存',
    host: '主机',
    allInstances: '全部实例',
    ofTotal: '共 {total}',
    cores: '100% = 全部 {count} 个 CPU；负载 {load}',
    oneCpu: '100% = 一个 CPU',
    disk: '磁盘',
    diskFree: '共 {total}，剩余 {free}',
    quick: '快捷操作',
    create: '创建实例',
    showErrors: '查看出错的实例',
    browseApi: '浏览 API',
    readiness: '本机',
    activity: '最近事件',
    noActivity: '还没有发生任何事。',
    by: '由 {actor}',
    noSamples: '正在收集第一批采样',
  },
}
