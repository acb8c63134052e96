/** Which actions make sense in which state. The backend decides; this only keeps idle buttons quiet. */
import type { Action } from '../api/instances'
import type { Instance } from '../api/types'
import { isHere } from '../create/draft'

const UP = new Set(['running', 'starting', 'sleeping'])

export function allowed(instance: Instance, action: Action): boolean {
  switch (action) {
    case 'start':
      return !UP.has(instance.status) && instance.status !== 'stopping'
    case 'stop':
      // An instance in error may still be retried by its supervisor: stopping it ends that.
      return UP.has(instance.status) || (instance.status === 'error' && instance.desired === 'running')
    case 'restart':
      return instance.status === 'running' || instance.status === 'error'
    case 'sleep':
      // Railway has a sleep of its own, which Creel does not rule.
      return instance.status === 'running' && isHere(instance.driver)
    case 'wake':
      return instance.status === 'sleeping'
    case 'init':
      return instance.status !== 'starting' && instance.status !== 'stopping'
  }
}
