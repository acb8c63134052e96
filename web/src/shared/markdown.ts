/**
 * Markdown to HTML that is safe to insert. A model's text is untrusted: everything passes DOMPurify, links open apart,
 * and pictures become links, because loading one would tell a stranger's server what was said.
 */
import DOMPurify from 'dompurify'
import { Marked } from 'marked'

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character)
}

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    // A tag is shown as it was written: what is meant to be seen is text.
    html: ({ text, block }) => (block ? `<p>${escapeHtml(text)}</p>` : escapeHtml(text)),
    image: ({ href, text }) => `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`,
    code({ text, lang }) {
      const language = escapeHtml(lang?.split(/\s/)[0] ?? '')
      // The button is filled and handled by MarkdownText.vue, which knows the language of the page.
      return (
        `<div class="code"><div class="code-head"><span>${language}</span>` +
        `<button type="button" class="code-copy"></button></div><pre tabindex="0"><code>${escapeHtml(text)}</code></pre></div>`
      )
    },
  },
})

DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName === 'A') {
    node.setAttribute('target', '_blank')
    node.setAttribute('rel', 'noopener noreferrer')
  }
})

export function renderMarkdown(text: string): string {
  return DOMPurify.sanitize(marked.parse(text, { async: false }), {
    FORBID_TAGS: ['style', 'form', 'img', 'svg', 'math', 'video', 'audio'],
    FORBID_ATTR: ['style', 'id', 'name'],
  })
}
