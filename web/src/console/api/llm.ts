/** What the LLM Gateway is set up with. Amounts are decimals in text, of credits unless said otherwise: exact, never through a floating-point number. */
import { call } from './http'

export type Style = 'openai' | 'anthropic'
export type Strategy = 'weighted' | 'least_latency'

export interface Provider {
  name: string
  style: Style
  base_url: string
  /** Whether a key is kept; the key itself never comes back. */
  has_key: boolean
  /** It answers `/responses` itself. */
  has_responses: boolean
  /** It may be asked for models that are not listed. */
  any_model: boolean
}

export interface Route {
  provider: string
  /** The provider's own name of the model. */
  model: string
  weight: number
  /** The lowest is tried first. */
  priority: number
}

export interface Model {
  name: string
  routes: Route[]
  strategy: Strategy
  max_output: number | null
}

/** For a million tokens; `call` for each call. */
export interface Amounts {
  input: string
  output: string
  cached_input: string | null
  cache_write: string | null
  call: string
}

export interface Price extends Amounts {
  model: string
  /** What its amounts are in; `null`: credits. */
  currency: string | null
  /** What calls are charged by; `null`: nobody has said what its currency is worth. */
  credits: Amounts | null
}

export interface Currency {
  /** As in ISO 4217: `USD`. */
  code: string
  /** What one unit of it is. */
  credits: string
}

export interface Group {
  name: string
  multiplier: string
}

export interface KeyTerms {
  user: string | null
  instance: string | null
  /** `null`: all. */
  models: string[] | null
  requests_per_minute: number | null
  tokens_per_minute: number | null
  day_budget: string | null
  month_budget: string | null
  group: string | null
  expires_at: string | null
}

export interface VirtualKey extends KeyTerms {
  id: string
  /** Other names of models, for whoever calls with it. */
  aliases: Record<string, string>
  /** Enough of the key to tell it from others. */
  hint: string
  created_at: string
  revoked_at: string | null
}

const at = (list: string, name: string) => `/api/llm/${list}/${encodeURIComponent(name)}`

export async function listProviders(): Promise<Provider[]> {
  return (await call<{ providers: Provider[] }>('GET', '/api/llm/providers')).providers
}

/** An absent `api_key` leaves the one that is kept; an empty one removes it. */
export function putProvider(
  name: string,
  provider: Omit<Provider, 'name' | 'has_key'> & { api_key?: string },
): Promise<Provider> {
  return call('PUT', at('providers', name), provider)
}

export async function listModels(): Promise<Model[]> {
  return (await call<{ models: Model[] }>('GET', '/api/llm/models')).models
}

export function putModel({ name, ...model }: Model): Promise<Model> {
  return call('PUT', at('models', name), model)
}

export async function listPrices(): Promise<Price[]> {
  return (await call<{ prices: Price[] }>('GET', '/api/llm/prices')).prices
}

export function putPrice({ model, ...price }: Omit<Price, 'credits'>): Promise<Price> {
  return call('PUT', at('prices', model), price)
}

export async function listCurrencies(): Promise<Currency[]> {
  return (await call<{ currencies: Currency[] }>('GET', '/api/llm/currencies')).currencies
}

export function putCurrency({ code, credits }: Currency): Promise<Currency> {
  return call('PUT', at('currencies', code), { credits })
}

export async function listGroups(): Promise<Group[]> {
  return (await call<{ groups: Group[] }>('GET', '/api/llm/groups')).groups
}

export function putGroup({ name, multiplier }: Group): Promise<Group> {
  return call('PUT', at('groups', name), { multiplier })
}

export async function listKeys(): Promise<VirtualKey[]> {
  return (await call<{ keys: VirtualKey[] }>('GET', '/api/llm/keys')).keys
}

/** `secret` is the key itself, in the one answer that has it. */
export function makeKey(terms: KeyTerms): Promise<{ key: VirtualKey; secret: string }> {
  return call('POST', '/api/llm/keys', terms)
}

export function removeFrom(
  list: 'providers' | 'models' | 'prices' | 'currencies' | 'groups' | 'keys',
  name: string,
): Promise<void> {
  return call('DELETE', at(list, name))
}
