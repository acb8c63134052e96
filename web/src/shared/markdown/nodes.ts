/**
 * Markdown as nodes of the page. A model's text is untrusted, so no HTML is ever made of it: every element is one of those named
 * here, everything else is text. Pictures become links, because loading one would tell a stranger's server what was said.
 */
import { Lexer, type Token, type Tokens } from 'marked'
import { h, type VNode } from 'vue'
import CodeBlock from './CodeBlock.vue'
import { decodeEntities } from './entities'

type Node = VNode | string

export function markdownNodes(text: string): Node[] {
  return blocks(Lexer.lex(text, { gfm: true, breaks: true }))
}

function blocks(tokens: Token[]): Node[] {
  return tokens.flatMap((token): Node[] => {
    const node = block(token)
    return node === undefined ? [] : [node]
  })
}

function block(token: Token): Node | undefined {
  switch (token.type) {
    case 'space':
    case 'def':
      return undefined
    case 'heading':
      return h(`h${(token as Tokens.Heading).depth}`, inline(token.tokens))
    case 'hr':
      return h('hr')
    case 'code':
      return h(CodeBlock, { text: token['text'], language: token['lang']?.split(/\s/)[0] ?? '' })
    case 'blockquote':
      return h('blockquote', blocks(token.tokens ?? []))
    case 'list':
      return list(token as Tokens.List)
    case 'table':
      return table(token as Tokens.Table)
    case 'paragraph':
      return h('p', inline(token.tokens))
    case 'html':
      // What is meant to be seen is text: a tag is shown as it was written.
      return h('p', token.raw)
    default:
      // Of a tight list item, whose text is no paragraph.
      return span(token)
  }
}

function list({ ordered, start, items }: Tokens.List): VNode {
  const entries = items.map((item) => h('li', item.task ? { class: 'task' } : null, blocks(item.tokens)))
  return ordered ? h('ol', { start: start || undefined }, entries) : h('ul', entries)
}

function table({ header, rows }: Tokens.Table): VNode {
  const cell = (tag: 'th' | 'td') => (cell: Tokens.TableCell) =>
    h(tag, { style: cell.align ? { textAlign: cell.align } : undefined }, inline(cell.tokens))
  return h('table', [
    h('thead', h('tr', header.map(cell('th')))),
    h(
      'tbody',
      rows.map((row) => h('tr', row.map(cell('td')))),
    ),
  ])
}

function inline(tokens: Token[] | undefined): Node[] {
  return (tokens ?? []).map(span)
}

function span(token: Token): Node {
  switch (token.type) {
    case 'strong':
    case 'em':
    case 'del':
      return h(token.type, inline(token.tokens))
    case 'codespan':
      return h('code', token['text'])
    case 'br':
      return h('br')
    case 'checkbox':
      return h('input', { type: 'checkbox', checked: token['checked'], disabled: true })
    case 'link':
      return link(token['href'], token['title'], inline(token.tokens))
    case 'image':
      return link(token['href'], token['title'], [token['text'] || token['href']])
    case 'escape':
      return token['text']
    case 'text':
      return token.tokens ? h('span', inline(token.tokens)) : decodeEntities(token['text'])
    default:
      return token.raw
  }
}

/** An address of another kind, `javascript:` among them, is no link: its words stay. */
function link(href: string, title: string | null, words: Node[]): Node {
  if (!/^(https?:|mailto:)/i.test(href)) return h('span', words)
  return h('a', { href, title: title ?? undefined, target: '_blank', rel: 'noopener noreferrer' }, words)
}
