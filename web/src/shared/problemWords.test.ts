import { expect, test } from 'vitest'
import { Problem } from './problem'
import { say } from './problemWords'

const problem = (code: string | undefined) =>
  new Problem('port 80: taken by nginx', 409, undefined, undefined, undefined, code)

test('in English the server speaks for itself', () => {
  expect(say(problem('port_in_use'), 'en')).toBe('port 80: taken by nginx')
})

test('in Chinese the console says what the code means, and keeps the facts', () => {
  expect(say(problem('port_in_use'), 'zh')).toBe('端口已被占用。\nport 80: taken by nginx')
  expect(say(problem('taken'), 'zh')).toBe('这个名称已被占用。')
})

test('what has no words is said as the server said it', () => {
  expect(say(problem('brand_new'), 'zh')).toBe('port 80: taken by nginx')
  expect(say(problem(undefined), 'zh')).toBe('port 80: taken by nginx')
})
