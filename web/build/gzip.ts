/**
 * Makes a `.gz` of every text file of the build. The `creel` binary embeds that alone: no request pays for compression, and only one
 * of a client that takes no gzip, which browsers do not send, pays for unpacking.
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

const TEXT = new Set(['.html', '.js', '.css', '.svg', '.json', '.txt'])

export function gzip(): Plugin {
  let directory = ''
  return {
    name: 'creel-gzip',
    apply: 'build',
    configResolved(config) {
      directory = join(config.root, config.build.outDir)
    },
    async closeBundle() {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true })
      for (const entry of entries) {
        if (!entry.isFile() || !TEXT.has(extname(entry.name))) continue
        const path = join(entry.parentPath, entry.name)
        await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }))
        await rm(path)
      }
    },
  }
}
