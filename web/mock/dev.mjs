/** `npm run dev:mock -- [instances]`: the console with hot reload over the mock. 1000 shows a full house. */
import { createServer } from 'vite'
import { serveBackend } from './backend.mjs'
import { Fleet } from './fleet.mjs'

const backend = await serveBackend(new Fleet(Number(process.argv[2] ?? 12)), 0)
process.env.CREEL_URL = `http://127.0.0.1:${backend.address().port}`
const vite = await createServer()
await vite.listen()
vite.printUrls()
console.log('  sign in with admin / creel')
