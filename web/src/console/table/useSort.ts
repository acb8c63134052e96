/** By which column a list is sorted, and in which direction. Columns of `downwards` are first sorted from the largest. */
import { ref, type Ref } from 'vue'

export function useSort<Key extends string>(first: Key, downwards: (key: Key) => boolean) {
  const sort = ref(first) as Ref<Key>
  const descending = ref(false)

  function sortBy(key: Key) {
    descending.value = sort.value === key ? !descending.value : downwards(key)
    sort.value = key
  }

  return { sort, descending, sortBy }
}
