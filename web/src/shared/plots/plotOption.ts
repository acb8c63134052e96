/** A plot over time as ECharts wants it said, in the colours of the page. */
import type { PlotOption } from './echarts'

export interface Series {
  name: string
  /** A custom property of the page, such as `--accent`. */
  colour: string
  /** Unix milliseconds and value. */
  points: [number, number][]
  /** A value holds until the next one. */
  steps?: boolean
}

/**
 * What the values are: `bytes` are counted in powers of two, a `share` is of a whole that is 100 %, a `percent` may be more or
 * much less, a `count` has no unit.
 */
export type Scale = 'bytes' | 'share' | 'percent' | 'count'

interface Look {
  scale: Scale
  format: (value: number) => string
  locale: string
  colour: (property: string) => string
}

const DAY = 86_400_000

/** A time at the axis: as exact as the span needs. */
function moment(span: number, locale: string): (at: number) => string {
  const style: Intl.DateTimeFormatOptions =
    span > 2 * DAY
      ? { month: 'short', day: 'numeric' }
      : {
          hour: '2-digit',
          minute: '2-digit',
          hourCycle: 'h23',
          // Over a short time the minute alone would be the same at every tick.
          ...(span < 5 * 60_000 && { second: '2-digit' }),
        }
  const format = new Intl.DateTimeFormat(locale, style)
  return (at) => format.format(at)
}

export function plotOption(series: Series[], { scale, format, locale, colour }: Look): PlotOption {
  return {
    animation: false,
    aria: { enabled: true },
    // Labels are measured by the browser: room is made for the widest one.
    grid: { left: 4, right: 8, top: 10, bottom: 2, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    tooltip: {
      trigger: 'axis',
      confine: true,
      transitionDuration: 0,
      backgroundColor: colour('--surface'),
      borderColor: colour('--line'),
      textStyle: { color: colour('--ink'), fontSize: 12.5, fontFamily: colour('--sans') },
      axisPointer: { lineStyle: { color: colour('--line-strong') } },
      valueFormatter: (value) => format(Number(value)),
    },
    xAxis: {
      type: 'time',
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { show: false },
      splitNumber: 3,
      axisLabel: {
        color: colour('--ink-3'),
        fontSize: 11,
        fontFamily: colour('--sans'),
        hideOverlap: true,
        // The last one is not cut off at the edge.
        alignMaxLabel: 'right',
        formatter: moment(span(series), locale),
      },
    },
    yAxis: {
      type: 'value',
      min: 0,
      splitNumber: 3,
      ...axis(scale, highest(series)),
      axisLabel: { color: colour('--ink-3'), fontSize: 11, fontFamily: colour('--sans'), formatter: format },
      splitLine: { lineStyle: { color: colour('--line') } },
    },
    series: series.map(({ name, colour: property, points, steps }) => ({
      type: 'line',
      name,
      data: points,
      showSymbol: false,
      ...(steps ? { step: 'end' } : { sampling: 'lttb' }),
      lineStyle: { width: 1.6 },
      itemStyle: { color: colour(property) },
      areaStyle: { color: colour(property), opacity: 0.08 },
    })),
  } as PlotOption
}

function span(series: Series[]): number {
  return Math.max(0, ...series.map(({ points }) => (points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0)))
}

function highest(series: Series[]): number {
  let highest = 0
  for (const { points } of series) for (const [, value] of points) highest = Math.max(highest, value)
  return highest
}

function axis(scale: Scale, highest: number): { interval?: number; max?: number } {
  switch (scale) {
    case 'bytes':
      return byteScale(highest)
    case 'share':
      return { interval: 25, max: 100 }
    case 'percent':
      return percentScale(highest)
    case 'count':
      return {}
  }
}

/** Whole steps of 1, 2 or 5, at most four of them: an idle instance is a flat line at the bottom, not a mountain range. */
export function percentScale(highest: number): { interval: number; max: number } {
  const factors = [2, 2.5, 2]
  let interval = 1
  for (let step = 0; interval * 4 < highest; step++) interval *= factors[step % 3] ?? 2
  return { interval, max: interval * Math.max(2, Math.ceil(highest / interval)) }
}

/** Steps of a power of two, at most four of them: `1.0 MiB, 2.0 MiB` instead of `977 KiB, 1.9 MiB`. */
export function byteScale(highest: number): { interval: number; max: number } {
  const interval = 2 ** Math.ceil(Math.log2(Math.max(highest, 1024) / 4))
  return { interval, max: interval * Math.ceil(highest / interval) || interval }
}
