/** Bars as ECharts wants them said, in the colours of the page: upright ones over time, lying ones beside names. Pure. */
import type { PlotOption } from './echarts'

export interface Bars {
  name: string
  /** A custom property of the page, such as `--accent`. */
  colour: string
  /** One for each label; several `Bars` are stacked. */
  values: number[]
}

interface Look {
  lying: boolean
  format: (value: number) => string
  colour: (property: string) => string
}

/** Longer names are cut in the plot; the tooltip has them whole. */
const NAME_WIDTH = 120

export function barOption(labels: string[], bars: Bars[], { lying, format, colour }: Look): PlotOption {
  const text = { color: colour('--ink-3'), fontSize: 11, fontFamily: colour('--sans') }
  const names = {
    type: 'category',
    data: labels,
    inverse: lying,
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: lying ? { ...text, width: NAME_WIDTH, overflow: 'truncate' } : { ...text, hideOverlap: true },
  }
  const values = {
    type: 'value',
    min: 0,
    splitNumber: 3,
    axisLabel: { ...text, formatter: format, hideOverlap: true },
    splitLine: { lineStyle: { color: colour('--line') } },
  }
  return {
    animation: false,
    aria: { enabled: true },
    grid: {
      left: 4,
      right: 12,
      top: 10,
      bottom: 2,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    tooltip: {
      trigger: 'axis',
      confine: true,
      transitionDuration: 0,
      backgroundColor: colour('--surface'),
      borderColor: colour('--line'),
      textStyle: { color: colour('--ink'), fontSize: 12.5, fontFamily: colour('--sans') },
      axisPointer: { type: 'shadow' },
      valueFormatter: (value) => format(Number(value)),
    },
    xAxis: lying ? values : names,
    yAxis: lying ? names : values,
    series: bars.map(({ name, colour: property, values: data }) => ({
      type: 'bar',
      name,
      data,
      stack: 'all',
      barMaxWidth: lying ? 16 : 28,
      itemStyle: { color: colour(property) },
    })),
  } as PlotOption
}
