import { expect, test } from 'vitest'
import { conditionWords } from './conditions'

test.each([
  ['exited with code 78', '以退出码 78 退出'],
  ['exited with code 1: no such model', '以退出码 1 退出：no such model'],
  ['refuses its configuration (exited with code 78)', '不接受它的配置（以退出码 78 退出）'],
  [
    'was killed (signal 9; out of memory?), 5 times in a row without staying healthy',
    '被强行终止（信号 9，可能是内存不足），连续 5 次都没能保持正常运行',
  ],
  [
    'was removed by somebody else; `creel instance start alice` makes it anew',
    '已被他人删除：启动它（`creel instance start alice`）会重新建立',
  ],
  ["what ran it in docker was removed behind creel's back", '它在 docker 中的运行体已在 Creel 之外被删除'],
  ['port 18789 was taken by another program; now on 18790', '端口 18789 被其他程序占用，现改用 18790'],
  ['installing openclaw 2026.9.6: packages', '正在安装 openclaw 2026.9.6：软件包'],
  [
    'railway: the client `railway` is 4.12.0, and creel needs 4.58.0 or newer; run `railway upgrade`',
    '客户端 `railway` 的版本是 4.12.0，Creel 需要 4.58.0 或更新的版本：请执行 `railway upgrade`',
  ],
  [
    'Docker does not answer on /run/docker.sock (No such file or directory (os error 2)); start it, or name another with DOCKER_HOST=unix:///…',
    'Docker 在 /run/docker.sock 上没有应答（No such file or directory (os error 2)）：请启动它，或用 DOCKER_HOST 指定另一个',
  ],
])('%s: %s', (english, chinese) => {
  expect(conditionWords(english, 'zh')).toBe(chinese)
  expect(conditionWords(english, 'en')).toBe(english)
})

test('the last log lines of the instance stay its own, and so does a sentence that nobody translated', () => {
  expect(conditionWords('ended\nINFO exited with code 1', 'zh')).toBe('已结束\nINFO exited with code 1')
  expect(conditionWords('the moon is full', 'zh')).toBe('the moon is full')
})
