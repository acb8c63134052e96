/** Markdown when it is there: it loads once a conversation is on the page, and until then text is shown as it is. */
import { shallowRef, type Component } from 'vue'

export const markdown = shallowRef<Component>()
let asked: Promise<void> | undefined

export function loadMarkdown(): void {
  asked ??= import('./MarkdownText.vue').then(
    (module) => void (markdown.value = module.default),
    // The network was away: the next conversation asks again.
    () => void (asked = undefined),
  )
}
