/** The host: its status, its samples and the latest events on it. */
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import { reason } from '../api/http'
import { readActivity, readStatus } from '../api/system'
import type { Activity, HostSample, SystemStatus } from '../api/types'
import { withNewer } from './merged'

const SAMPLES = 720
const EVENTS = 50

export const useHost = defineStore('host', () => {
  const status = shallowRef<SystemStatus>()
  const samples = shallowRef<HostSample[]>([])
  const activity = shallowRef<Activity[]>([])
  const problem = ref('')

  async function load() {
    problem.value = ''
    try {
      const [latest, events] = await Promise.all([readStatus(), readActivity(EVENTS)])
      status.value = latest
      // What arrived while these two were on their way is not undone by them.
      samples.value = withNewer(latest.samples, samples.value, ({ at }) => Date.parse(at), SAMPLES)
      activity.value = withNewer(
        [...events].reverse(),
        [...activity.value].reverse(),
        ({ id }) => id,
        EVENTS,
      ).reverse()
    } catch (error) {
      problem.value = reason(error)
    }
  }

  function sampled(sample: HostSample) {
    samples.value = [...samples.value, sample].slice(-SAMPLES)
  }

  function happened(event: Activity) {
    activity.value = [event, ...activity.value.filter((known) => known.id !== event.id)].slice(0, EVENTS)
  }

  return { status, samples, activity, problem, load, sampled, happened }
})
