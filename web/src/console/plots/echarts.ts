/** The parts of ECharts that a plot over time needs, and no others. */
import { LineChart, type LineSeriesOption } from 'echarts/charts'
import {
  AriaComponent,
  GridComponent,
  TooltipComponent,
  type GridComponentOption,
  type TooltipComponentOption,
} from 'echarts/components'
import { init, use, type ComposeOption } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([LineChart, GridComponent, TooltipComponent, AriaComponent, SVGRenderer])

export type PlotOption = ComposeOption<LineSeriesOption | GridComponentOption | TooltipComponentOption>
export { init }
