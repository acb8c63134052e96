/** The host: its status, its samples and the latest events on it. */
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import { reason } from '../api/http'
import { readActivity, readStatus } from '../api/system'
import type { Activity, HostSample, SystemStatus } from '../api/types'

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
      samples.value = latest.samples
      activity.value = events
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
