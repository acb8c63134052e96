/** The shapes that the console reads and sends, beside those of the OpenAPI document: what differs is wrong in one of them. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: string[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
}
interface Answer {
  content: Record<string, { schema: Schema }>
}
interface Document {
  paths: Record<string, Record<string, { responses: Record<string, Answer> }>>
  components: { schemas: Record<string, Schema> }
}

const API = resolve(import.meta.dirname, '../src/console/api')
const document = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../../crates/backend/openapi.json'), 'utf8'),
) as Document
const named = (name: string) => document.components.schemas[name] ?? {}
/** What a GET answers. */
function answerOf(path: string): Schema {
  return document.paths[path]?.['get']?.responses['200']?.content['application/json']?.schema ?? {}
}
/** A row of the list in it. */
function rowOf(path: string, list: string): Schema {
  return follow(answerOf(path).properties?.[list]).items ?? {}
}
function follow(schema: Schema = {}): Schema {
  return schema.$ref ? follow(named(schema.$ref.replace('#/components/schemas/', ''))) : schema
}

const program = ts.createProgram(
  ['types', 'catalogue', 'templates', 'users', 'llm', 'system'].map((name) => resolve(API, `${name}.ts`)),
  { strict: true, noEmit: true, target: ts.ScriptTarget.ESNext, baseUrl: '.', skipLibCheck: true },
)
const checker = program.getTypeChecker()
function typeOf(place: string): ts.Type {
  const [file = '', name = ''] = place.split('.')
  const source = program.getSourceFile(resolve(API, `${file}.ts`))
  const symbol = source && checker.getSymbolAtLocation(source)?.exports?.get(name as ts.__String)
  if (!symbol) throw new Error(`there is no ${place}`)
  return checker.getDeclaredTypeOfSymbol(symbol)
}

/** A shape in words that can be compared: `?` where it may be absent. */
type Shape = string | Shape[] | { [property: string]: Shape }

const orNull = (nullable: boolean, shape: Shape): Shape => (nullable ? ['null or', shape] : shape)

function shapeOfSchema(schema: Schema): Shape {
  const { type, enum: words, properties, required = [], items } = follow(schema)
  if (words) return [...words].sort().join(' | ')
  if (items) return orNull([type].flat().includes('null'), [shapeOfSchema(items)])
  if (!properties)
    return [type]
      .flat()
      .map((one) => (one === 'integer' ? 'number' : one))
      .sort()
      .join(' | ')
  return Object.fromEntries(
    Object.entries(properties).map(([name, one]) => [
      required.includes(name) ? name : `${name}?`,
      shapeOfSchema(one),
    ]),
  )
}

function shapeOfType(type: ts.Type): Shape {
  const parts = (type.isUnion() ? type.types : [type]).filter(
    ({ flags }) => !(flags & ts.TypeFlags.Undefined),
  )
  const [only, other] = parts.filter(({ flags }) => !(flags & ts.TypeFlags.Null))
  if (only && !other) {
    if (checker.isArrayType(only)) {
      const [row] = checker.getTypeArguments(only as ts.TypeReference)
      return orNull(parts.length > 1, row ? [shapeOfType(row)] : [])
    }
    if (only.flags & ts.TypeFlags.Object) {
      if (checker.getIndexInfoOfType(only, ts.IndexKind.String)) return 'object'
      return Object.fromEntries(
        checker
          .getPropertiesOfType(only)
          .map((property) => [
            property.flags & ts.SymbolFlags.Optional ? `${property.name}?` : property.name,
            shapeOfType(checker.getTypeOfSymbol(property)),
          ]),
      )
    }
  }
  const words = parts.map((part) => (part.isStringLiteral() ? part.value : checker.typeToString(part)))
  return [...new Set(words)].sort().join(' | ').replace('false | true', 'boolean')
}

test.each<[place: string, schema: Schema]>([
  ['types.Instance', named('Instance')],
  ['types.CreateInstance', named('CreateInstance')],
  ['types.Sample', rowOf('/api/instances/{id}/stats', 'samples')],
  ['types.Activity', named('Event')],
  ['types.Finding', named('Finding')],
  ['types.SystemStatus', named('SystemStatus')],
  ['system.Session', named('Session')],
  ['catalogue.DriverInfo', rowOf('/api/drivers', 'drivers')],
  ['catalogue.ChannelType', named('ChannelType')],
  ['catalogue.ImageInfo', named('RuntimeImage')],
  ['templates.Template', named('Template')],
  ['templates.TemplateInfo', rowOf('/api/templates', 'templates')],
  ['templates.TemplateDiff', answerOf('/api/instances/{id}/config/diff')],
  ['users.User', named('User')],
  ['users.UserToken', named('UserToken')],
  ['llm.Provider', named('LlmProvider')],
  ['llm.Model', named('LlmModel')],
  ['llm.Price', named('LlmPrice')],
  ['llm.Currency', named('LlmCurrency')],
  ['llm.Group', named('LlmGroup')],
  ['llm.VirtualKey', named('LlmKey')],
])('%s is as the document has it', (place, schema) => {
  expect(shapeOfType(typeOf(place))).toEqual(shapeOfSchema(schema))
})
