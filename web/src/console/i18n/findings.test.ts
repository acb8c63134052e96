import { expect, test } from 'vitest'
import { findingWords } from './findings'

test.each([
  [
    '0.5 GiB of 160.0 GiB are free: turns and records cannot be stored soon',
    '共 160.0 GiB，剩余 0.5 GiB：很快将无法保存对话和记录',
  ],
  ['secrets/x is open to others (mode 0644)', '其他用户可以访问 secrets/x（权限 0644）'],
  [
    'another program listens on its port 18789: its next start takes another',
    '另一个程序占用了它的端口 18789：下次启动会换一个',
  ],
])('%s: %s', (english, chinese) => {
  expect(findingWords(english, 'zh')).toBe(chinese)
  expect(findingWords(english, 'en')).toBe(english)
})

test('a command is a command in either language, and what nobody translated is shown as it came', () => {
  for (const text of ["chmod 600 'secrets/master.key'", 'creel instance restart lisi', 'the moon is full'])
    expect(findingWords(text, 'zh')).toBe(text)
})
