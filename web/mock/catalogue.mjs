/** Drivers, channels and images, in the shapes of the real ones. */
const field = (name, example, more = {}) => ({ name, required: true, secret: false, example, ...more })
const secret = (name, example) => field(name, example, { secret: true })

export const drivers = [
  { driver: 'process', available: true, runtimes: ['native', 'openclaw'] },
  { driver: 'docker', available: true, version: '27.3.1', runtimes: ['native', 'openclaw'] },
  {
    driver: 'railway',
    available: false,
    reason:
      'the client `railway` is not installed; install it (https://docs.railway.com/guides/cli) where creel runs, then run `railway login`, or give creel RAILWAY_API_TOKEN',
    needs:
      "Railway's client `railway` on this host, signed in (`railway login` as the user that runs creel, or RAILWAY_API_TOKEN), and images that Railway can pull",
    runtimes: ['native', 'openclaw'],
  },
]

export const channels = [
  {
    type: 'feishu',
    fields: [
      field('appId', 'cli_a1b2c3d4e5f6'),
      secret('appSecret', 'the app’s secret'),
      field('domain', 'lark', { required: false }),
    ],
    runtimes: ['openclaw'],
    plugin: { package: '@openclaw/feishu', version: '2026.9.5' },
  },
  {
    type: 'slack',
    fields: [secret('botToken', 'xoxb-1234'), secret('appToken', 'xapp-1234')],
    runtimes: ['openclaw'],
  },
  { type: 'webchat', fields: [], runtimes: ['native', 'openclaw'] },
]

export const images = [
  {
    runtime: 'native',
    image: 'creel:0.1.0',
    digest: `sha256:${'4f'.repeat(32)}`,
    present: true,
  },
  { runtime: 'openclaw', image: 'ghcr.io/openclaw/openclaw:2026.9.6', present: false },
]

export const findings = [
  {
    severity: 'warning',
    check: 'host',
    subject: 'swap',
    what: 'there is none: an instance that sleeps keeps its memory, and a host that runs out of memory kills',
    what_said: { code: 'no_swap' },
    remedy: 'add a swap file (mkswap, swapon), or switch zram on',
    remedy_said: { code: 'add_swap' },
  },
  {
    severity: 'error',
    check: 'permissions',
    subject: 'home',
    what: 'secrets/master.key is open to others (mode 0644)',
    what_said: { code: 'open_to_others', arguments: { path: 'secrets/master.key', mode: '0644' } },
    remedy: "chmod 0600 'secrets/master.key'",
    remedy_said: { code: 'command' },
  },
  {
    severity: 'ok',
    check: 'disk',
    subject: 'disk of ~/.creel',
    what: '112.0 GiB of 160.0 GiB are free',
    what_said: { code: 'disk_free', arguments: { free: '112.0 GiB', total: '160.0 GiB' } },
  },
]

const FIRST_LINE = '// From the template of this house.'
export const synced = (text) => (text.startsWith(FIRST_LINE) ? text : `${FIRST_LINE}\n${text}`)

const builtin = {
  'native/openclaw.json':
    '{\n  // The model that answers.\n  agents: { defaults: { model: "demo/echo" } },\n}\n',
  'openclaw/openclaw.json': '{\n  gateway: { mode: "local", bind: "loopback" },\n}\n',
  'instance.env': 'TZ=Asia/Shanghai\nLANG=C.UTF-8\n',
}
const own = new Map([['instance.env', 'TZ=UTC\nLANG=C.UTF-8\n']])
export const templates = {
  list: () => Object.keys(builtin).map((path) => ({ path, overridden: own.has(path) })),
  read: (path) => ({
    content: own.get(path) ?? builtin[path],
    builtin: builtin[path],
    overridden: own.has(path),
  }),
  write: (path, content) => own.set(path, content),
  reset: (path) => own.delete(path),
}
