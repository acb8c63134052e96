/** An OpenAPI 3.x document read into what the page shows. Reads only what is there: a missing part is no part. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  description?: string
  enum?: unknown[]
  const?: unknown
  default?: unknown
  example?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  additionalProperties?: boolean | Schema
  oneOf?: Schema[]
  anyOf?: Schema[]
  allOf?: Schema[]
}

interface Media {
  schema?: Schema
  example?: unknown
}

export interface Parameter {
  name: string
  in: string
  required?: boolean
  description?: string
  schema?: Schema
}

interface RawOperation {
  tags?: string[]
  summary?: string
  description?: string
  parameters?: Parameter[]
  requestBody?: { description?: string; content?: Record<string, Media> }
  responses?: Record<string, { description?: string; content?: Record<string, Media> }>
}

export interface Document {
  info: { title: string; version: string; description?: string }
  tags?: { name: string; description?: string }[]
  paths: Record<string, Record<string, RawOperation | Parameter[]>>
  components?: { schemas?: Record<string, Schema> }
}

export interface Operation {
  key: string
  method: string
  path: string
  summary: string
  description: string
  parameters: Parameter[]
  body?: { type: string; schema?: Schema; example?: unknown }
  responses: { status: string; description: string; type?: string; schema?: Schema }[]
}

export interface Group {
  name: string
  description: string
  operations: Operation[]
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete']

/** Operations by their first tag, tags in the order of the document. */
export function groups(document: Document): Group[] {
  const byName = new Map<string, Group>()
  for (const { name, description } of document.tags ?? []) {
    byName.set(name, { name, description: description ?? '', operations: [] })
  }
  for (const [path, item] of Object.entries(document.paths)) {
    const shared = (item['parameters'] as Parameter[] | undefined) ?? []
    for (const method of METHODS) {
      const raw = item[method] as RawOperation | undefined
      if (!raw) continue
      const name = raw.tags?.[0] ?? ''
      const group = byName.get(name) ?? { name, description: '', operations: [] }
      byName.set(name, group)
      group.operations.push(operation(method, path, raw, shared))
    }
  }
  return [...byName.values()].filter(({ operations }) => operations.length)
}

function operation(method: string, path: string, raw: RawOperation, shared: Parameter[]): Operation {
  const [type, media] = Object.entries(raw.requestBody?.content ?? {})[0] ?? []
  return {
    key: `${method}-${path.replace(/[^A-Za-z0-9]+/g, '-')}`,
    method,
    path,
    summary: raw.summary ?? '',
    description: raw.description ?? '',
    parameters: [...shared, ...(raw.parameters ?? [])],
    body: type ? { type, schema: media?.schema, example: media?.example } : undefined,
    responses: Object.entries(raw.responses ?? {}).map(([status, { description, content }]) => {
      const [type, media] = Object.entries(content ?? {})[0] ?? []
      return { status, description: description ?? '', type, schema: media?.schema }
    }),
  }
}

/** Follows a reference, and gives its name. */
export function resolve(document: Document, schema: Schema): { schema: Schema; name?: string } {
  const name = schema.$ref?.split('/').at(-1)
  const target = name === undefined ? undefined : document.components?.schemas?.[name]
  return target ? { schema: target, name } : { schema }
}

/** The type in a word or two: `string`, `Instance[]`, `"native" | "openclaw"`. */
export function typeName(document: Document, reference: Schema): string {
  const { schema, name } = resolve(document, reference)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (name) return name
  const several = schema.oneOf ?? schema.anyOf
  if (several) return several.map((one) => typeName(document, one)).join(' | ')
  if (schema.allOf) return schema.allOf.map((one) => typeName(document, one)).join(' & ')
  if (schema.type === 'array' && schema.items) return `${typeName(document, schema.items)}[]`
  const type = Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any')
  return schema.format ? `${type} (${schema.format})` : type
}

export interface Field {
  name: string
  type: string
  required: boolean
  description: string
  schema: Schema
}

/** The fields of an object, or of the objects in a list. */
export function fields(document: Document, reference: Schema): Field[] {
  const { schema } = resolve(document, reference)
  if (schema.type === 'array' && schema.items) return fields(document, schema.items)
  const several = schema.allOf ?? (schema.oneOf ?? schema.anyOf)?.filter((one) => one.type !== 'null')
  if (several) return several.flatMap((one) => fields(document, one))
  return Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    name,
    type: typeName(document, field),
    required: schema.required?.includes(name) ?? false,
    description: field.description ?? '',
    schema: field,
  }))
}

/** A body to begin with: what is required, filled with something of the right type. */
export function sample(document: Document, reference: Schema): unknown {
  const { schema } = resolve(document, reference)
  if (schema.example !== undefined) return schema.example
  if (schema.default !== undefined) return schema.default
  if (schema.enum) return schema.enum[0]
  if (schema.properties || schema.allOf) {
    const wanted = fields(document, schema).filter(({ required }) => required)
    return Object.fromEntries(wanted.map(({ name, schema: field }) => [name, sample(document, field)]))
  }
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'array':
      return []
    case 'integer':
    case 'number':
      return 0
    case 'boolean':
      return false
    case 'object':
      return {}
    default:
      return ''
  }
}
