/** The walks through the console: one browser after another, each in its order, and no step after one that failed. */
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** `walk` begins in an empty creel; what fills it comes after. */
const ORDER = [
  'walk',
  'llm',
  'house',
  'fleet',
  'drivers',
  'live',
  'usage',
  'credits',
  'users',
  'me',
  'pages',
  'thousand',
]

class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const place = ({ moduleId }: TestSpecification) =>
      ORDER.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`))
    return [...files].sort((a, b) => place(a) - place(b))
  }
}

export default defineConfig({
  test: {
    include: [process.env['PICTURE'] ? 'e2e/readme.picture.ts' : 'e2e/**/*.test.ts'],
    bail: 1,
    // Longer than a step waits for one thing, so that what is missing is named.
    testTimeout: 240_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    sequence: { sequencer: InOrder },
    expect: { poll: { timeout: 60_000 } },
  },
})
