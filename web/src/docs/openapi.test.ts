import { expect, test } from 'vitest'
import { fields, groups, sample, typeName, type Document } from './openapi'

const document: Document = {
  info: { title: 'Creel', version: '1' },
  tags: [{ name: 'instances' }, { name: 'unused' }],
  components: {
    schemas: {
      Runtime: { type: 'string', enum: ['native', 'openclaw'] },
      Instance: {
        type: 'object',
        required: ['id', 'runtime'],
        properties: {
          id: { type: 'string' },
          runtime: { $ref: '#/components/schemas/Runtime' },
          children: { type: 'array', items: { $ref: '#/components/schemas/Instance' } },
        },
      },
    },
  },
  paths: {
    '/api/instances/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true }],
      get: { tags: ['instances'], summary: 'One' },
      delete: { tags: ['instances'], parameters: [{ name: 'purge', in: 'query' }] },
    },
    '/api/session': { get: {} },
  },
}
const instance = { $ref: '#/components/schemas/Instance' }

test('operations stand under their tag, with the parameters of their path', () => {
  const [first, second] = groups(document)
  expect(first?.operations.map(({ method }) => method)).toEqual(['get', 'delete'])
  expect(first?.operations[1]?.parameters.map(({ name }) => name)).toEqual(['id', 'purge'])
  expect(second).toMatchObject({ name: '', operations: [{ path: '/api/session' }] })
})

test('types are said in a word or two', () => {
  expect(typeName(document, { type: 'array', items: instance })).toBe('Instance[]')
  expect(typeName(document, { oneOf: [{ type: 'null' }, { type: 'integer', format: 'int32' }] })).toBe(
    'null | integer (int32)',
  )
  expect(typeName(document, { $ref: '#/components/schemas/Runtime' })).toBe('"native" | "openclaw"')
})

test('fields of a type that contains itself end at its name', () => {
  expect(fields(document, instance).map(({ name, type }) => [name, type])).toEqual([
    ['id', 'string'],
    ['runtime', '"native" | "openclaw"'],
    ['children', 'Instance[]'],
  ])
})

test('a sample has what is required', () => {
  expect(sample(document, instance)).toEqual({ id: '', runtime: 'native' })
})
