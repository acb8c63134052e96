/** `1234567` -> `1.2M`, `0.000125` -> `0.000125`: amounts beside a plot, where the width is small. Pure. */
export function compact(value: number): string {
  const options: Intl.NumberFormatOptions =
    Math.abs(value) < 1000
      ? { maximumSignificantDigits: 4, maximumFractionDigits: 6 }
      : { notation: 'compact', maximumFractionDigits: 1 }
  return new Intl.NumberFormat('en', options).format(value)
}
