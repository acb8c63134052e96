/** Every instance, kept current by events. Changes are gathered and shown a few times a second, so that 1,000 stay calm. */
import { defineStore } from 'pinia'
import { computed, reactive, ref, shallowRef } from 'vue'
import { reason } from '../api/http'
import { actOn, listInstances, removeInstance, type Action } from '../api/instances'
import type { Instance } from '../api/types'
import { createOrder } from '../live/ordered'

const FLUSH_MS = 200

export const useInstances = defineStore('instances', () => {
  const byId = shallowRef<ReadonlyMap<string, Instance>>(new Map())
  const loaded = ref(false)
  const problem = ref('')
  const acting = reactive(new Map<string, Action | 'remove'>())
  const refused = reactive(new Map<string, string>())
  const changes = new Map<string, Instance | undefined>()
  const order = createOrder<Instance>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let flushed = 0

  const all = computed(() => [...byId.value.values()])

  function flush() {
    timer = undefined
    flushed = performance.now()
    const next = new Map(byId.value)
    for (const [id, instance] of changes) {
      if (instance) next.set(id, instance)
      else next.delete(id)
    }
    changes.clear()
    byId.value = next
  }

  function change(id: string, instance: Instance | undefined) {
    changes.set(id, instance)
    order.told(id, instance)
    // The first change after a quiet time shows at once; only a stream of them waits.
    timer ??= setTimeout(flush, Math.max(0, flushed + FLUSH_MS - performance.now()))
  }

  const changed = (instance: Instance) => change(instance.id, instance)
  const removed = (id: string) => change(id, undefined)

  async function load() {
    problem.value = ''
    const reading = order.begin()
    try {
      const instances = await listInstances()
      const now = reading.done(new Map(instances.map((instance) => [instance.id, instance])))
      if (!now) return
      changes.clear()
      byId.value = now
      loaded.value = true
    } catch (error) {
      reading.failed()
      problem.value = reason(error)
    }
  }

  /** Runs one action at a time on an instance and keeps the refusal, to be shown beside it. Says whether it succeeded. */
  async function run(id: string, action: Action | 'remove', work: () => Promise<void>): Promise<boolean> {
    if (acting.has(id)) return false
    acting.set(id, action)
    refused.delete(id)
    try {
      await work()
      return true
    } catch (error) {
      refused.set(id, reason(error))
      return false
    } finally {
      acting.delete(id)
    }
  }

  function act(id: string, action: Action) {
    return run(id, action, async () => changed(await actOn(id, action)))
  }

  function remove(id: string, purge: boolean) {
    return run(id, 'remove', async () => {
      await removeInstance(id, purge)
      removed(id)
    })
  }

  return { byId, all, loaded, problem, acting, refused, changed, removed, load, act, remove }
})
