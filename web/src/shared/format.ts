/** How numbers and times are written for people. Pure: the language and the present moment are arguments. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1536` -> `1.5 KiB`. Three significant digits at most, so that a column of them stays narrow. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** CPU: 100 is one core. */
export function percent(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  return `${value.toFixed(value >= 10 || value === 0 ? 0 : 1)}%`
}

/** `93784` -> `1d 2h`: the two largest units, which is what an uptime is read for. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–'
  const whole = Math.max(0, Math.floor(seconds))
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return '0s'
  return parts
    .slice(first, first + 2)
    .filter(([count], index) => index === 0 || count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ')
}

const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [86400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
]

/** `3 minutes ago`, `昨天`. Below a minute it says "now": a list that counts seconds is a list that flickers. */
export function ago(time: string | number, now: number, locale: string): string {
  const seconds = (new Date(time).getTime() - now) / 1000
  if (!Number.isFinite(seconds)) return ''
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  for (const [size, unit] of STEPS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit)
  }
  return relative.format(0, 'second')
}

/** A full local date and time, for tooltips and facts. */
export function dateTime(time: string | number | null | undefined, locale: string): string {
  if (time === null || time === undefined) return '–'
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return '–'
  return date.toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' })
}
