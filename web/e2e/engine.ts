/** The container engine that Creel is given, as somebody uses it by hand. */
import { request } from 'node:http'

const host = process.env['DOCKER_HOST']?.replace(/^unix:\/\//, '')

function ask(method: string, path: string): Promise<string> {
  if (!host) throw new Error('set DOCKER_HOST: the walk needs the engine that the backend was started with')
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: host, method, path }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString()
        if ((answer.statusCode ?? 500) < 300) resolve(text)
        else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`))
      })
    })
    asked.on('error', reject).end()
  })
}

/** The containers of an instance, running or not. */
export async function containersOf(id: string): Promise<string[]> {
  const all = JSON.parse(await ask('GET', '/containers/json?all=true')) as { Id: string; Names: string[] }[]
  return all.filter(({ Names }) => Names.some((name) => name.includes(id))).map(({ Id }) => Id)
}

export async function removeByHand(id: string): Promise<void> {
  for (const container of await containersOf(id)) await ask('DELETE', `/containers/${container}?force=true`)
}
