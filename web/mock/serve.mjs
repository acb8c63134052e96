/** `npm run mock -- [instances]`: the built pages over the mock, as the binary serves them, on port 8000 (or PORT). */
import { serveBackend } from './backend.mjs'
import { Fleet } from './fleet.mjs'

const port = Number(process.env.PORT ?? 8000)
await serveBackend(new Fleet(Number(process.argv[2] ?? 12)), port)
console.log(`http://127.0.0.1:${port}  (admin / creel)`)
