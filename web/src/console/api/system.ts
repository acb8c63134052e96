/** The session of the person at the console, and the host. */
import { call } from './http'
import type { Activity, Finding, SystemStatus } from './types'

export interface Session {
  username: string
  csrf: string
}

export function signIn(username: string, password: string): Promise<Session> {
  return call('POST', '/api/login', { username, password })
}

export function readSession(): Promise<Session> {
  return call('GET', '/api/session')
}

export function signOut(): Promise<void> {
  return call('POST', '/api/logout')
}

export function readStatus(): Promise<SystemStatus> {
  return call('GET', '/api/system/status')
}

export async function listFindings(): Promise<Finding[]> {
  return (await call<{ findings: Finding[] }>('GET', '/api/doctor')).findings
}

export async function readActivity(limit: number): Promise<Activity[]> {
  return (await call<{ events: Activity[] }>('GET', `/api/activity?limit=${limit}`)).events
}
