import { expect, test } from 'vitest'
import type { Sentence } from '../api/types'
import { findingWords } from './findings'

test.each([
  [
    { code: 'disk_full_soon', arguments: { free: '0.5 GiB', total: '160.0 GiB' } },
    '共 160.0 GiB，剩余 0.5 GiB：很快将无法保存对话和记录',
  ],
  [
    { code: 'open_to_others', arguments: { path: 'secrets/x', mode: '0644' } },
    '其他用户可以访问 secrets/x（权限 0644）',
  ],
  [{ code: 'run_by_compose', arguments: { pid: 7 } }, '由 compose 运行：容器的进程 7 占用着它的目录'],
  [{ code: 'no_feature', arguments: { feature: 'memory' } }, '没有可写的 cgroup，无法设置该限制'],
  [
    { code: 'should_run', arguments: { reason: 'exited with code 1' } },
    '应当运行而没有运行：以退出码 1 退出',
  ],
] satisfies [Sentence, string][])('a code with its arguments is said in words: %o', (said, chinese) => {
  expect(findingWords('as the server says it', said, 'zh')).toBe(chinese)
  expect(findingWords('as the server says it', said, 'en')).toBe('as the server says it')
})

test('sentences in a sentence are said too', () => {
  const by = [{ code: 'no_new_privileges' }, { code: 'memory_limit', arguments: { mib: 1024 } }]
  expect(findingWords('', { code: 'confined', arguments: { by } }, 'zh')).toBe(
    '已隔离：不能获得新权限、内存 1024 MiB',
  )
  const because = {
    what: { code: 'memory_unlimited' },
    because: { code: 'no_feature', arguments: { feature: 'memory' } },
  }
  expect(findingWords('', { code: 'because', arguments: because }, 'zh')).toBe(
    '它的内存没有上限：没有可写的 cgroup，无法设置该限制',
  )
})

test('a command is one in either language, and what nobody gave words to is shown as it came', () => {
  const text = "chmod 600 'secrets/master.key'"
  for (const said of [{ code: 'command' }, { code: 'brand_new' }, undefined])
    expect(findingWords(text, said, 'zh')).toBe(text)
})
