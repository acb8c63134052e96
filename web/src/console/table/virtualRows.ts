/** Which rows of a long list are worth drawing: those in view, and a few around them. All rows have one height. */
import { computed, onBeforeUnmount, onMounted, ref, type Ref } from 'vue'

const MARGIN = 8

export interface Window {
  first: number
  last: number
}

export function windowOf(scrollTop: number, height: number, rowHeight: number, count: number): Window {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - MARGIN)
  const last = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + MARGIN)
  return { first: Math.min(first, last), last }
}

export function useVirtualRows(
  scroller: Readonly<Ref<HTMLElement | null>>,
  count: Ref<number>,
  rowHeight: number,
) {
  const top = ref(0)
  const height = ref(0)
  const observer = new ResizeObserver(([entry]) => (height.value = entry?.contentRect.height ?? 0))

  const range = computed(() => windowOf(top.value, height.value, rowHeight, count.value))
  const onScroll = () => (top.value = scroller.value?.scrollTop ?? 0)

  /** Scrolls as little as brings a row whole into view, below a head of `head` pixels, and draws it. */
  function reveal(row: number, head: number) {
    const element = scroller.value
    if (!element) return
    const lowest = head + (row + 1) * rowHeight - element.clientHeight
    element.scrollTop = Math.max(lowest, Math.min(element.scrollTop, row * rowHeight))
    onScroll()
  }

  onMounted(() => scroller.value && observer.observe(scroller.value))
  onBeforeUnmount(() => observer.disconnect())
  return { range, height, onScroll, reveal }
}
