import { expect, test } from 'vitest'
import { createSSRApp, h, ref } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { chatLabelsKey, type ChatLabels } from '@/shared/chat/labels'
import { decodeEntities } from './entities'
import { markdownNodes } from './nodes'

async function html(markdown: string): Promise<string> {
  const app = createSSRApp(() => h('main', markdownNodes(markdown)))
  app.provide(chatLabelsKey, ref({ copy: 'Copy', copied: 'Copied' } as ChatLabels))
  return (await renderToString(app)).replace(/<!--[[\]]?-->/g, '').replace(/^<main>|<\/main>$/g, '')
}

test.each([
  ['# One *two*', '<h1>One <em>two</em></h1>'],
  ['a **b** `c<d` ~~e~~', '<p>a <strong>b</strong> <code>c&lt;d</code> <del>e</del></p>'],
  ['one\ntwo', '<p>one<br>two</p>'],
  ['> quoted', '<blockquote><p>quoted</p></blockquote>'],
  ['3. c\n4. d', '<ol start="3"><li><span>c</span></li><li><span>d</span></li></ol>'],
  ['AT&amp;T &#31699; &unknown;', '<p>AT&amp;T 篓 &amp;unknown;</p>'],
])('%j', async (markdown, expected) => expect(await html(markdown)).toBe(expected))

test('a list in a list, and what is ticked', async () => {
  expect(await html('- a\n  - [x] b')).toBe(
    '<ul><li><span>a</span><ul><li class="task"><input type="checkbox" checked disabled><span>b</span></li></ul></li></ul>',
  )
})

test('a table keeps its sides', async () => {
  expect(await html('|a|b|\n|:-|-:|\n|1|2|')).toBe(
    '<table><thead><tr><th style="text-align:left;">a</th><th style="text-align:right;">b</th></tr></thead>' +
      '<tbody><tr><td style="text-align:left;">1</td><td style="text-align:right;">2</td></tr></tbody></table>',
  )
})

test('code keeps every character, and names its language', async () => {
  const text = await html('```html x\n<b>&amp;</b>\n```')
  expect(text).toContain('<code>&lt;b&gt;&amp;amp;&lt;/b&gt;</code>')
  expect(text).toContain('<span>html</span>')
})

test.each([
  '<script>alert(1)</script>',
  'a <img src=x onerror=alert(1)> b',
  '<div onclick="x()">\nblock\n</div>',
  '[click](javascript:alert(1))',
  '[click](data:text/html,x)',
  '![seen](javascript:alert(1))',
  '<svg/onload=alert(1)>',
  '[x](https://a.example/"onmouseover="alert(1))',
])('%s does nothing', async (markdown) => {
  const text = await html(markdown)
  // Whatever was written is text or the inside of a quoted address; no element beyond the allowed ones came of it.
  const tags = [...text.matchAll(/<(\w+)([^>]*)>/g)].map(([, tag]) => tag)
  expect(tags.filter((tag) => !['p', 'span', 'a', 'br'].includes(tag ?? ''))).toEqual([])
  expect(text).not.toMatch(/href="(?!https:)/)
  expect(text).not.toMatch(/<[^>]*\son\w+=/)
})

test('links open apart, and a picture is a link', async () => {
  const rest = 'target="_blank" rel="noopener noreferrer"'
  expect(await html('[a](https://x.example "t")')).toBe(
    `<p><a href="https://x.example" title="t" ${rest}>a</a></p>`,
  )
  expect(await html('![a](https://x.example/p.png)')).toBe(
    `<p><a href="https://x.example/p.png" ${rest}>a</a></p>`,
  )
})

test('a reference that names no character stays', () => {
  expect(decodeEntities('&#0; &#x110000; &lt;')).toBe('&#0; &#x110000; <')
})
