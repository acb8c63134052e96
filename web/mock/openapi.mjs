/** A short OpenAPI document in the shapes that the real one uses: references, enumerations, several media types. */
export const openapi = {
  openapi: '3.1.0',
  info: { title: 'Creel', version: '0.1.0', description: 'Instances, their configuration, logs and chat.' },
  tags: [
    { name: 'instances', description: 'A gateway each, with its own directory, token and port.' },
    { name: 'system', description: 'The host and what happens on it.' },
  ],
  components: {
    schemas: {
      Instance: {
        type: 'object',
        required: ['id', 'runtime', 'status'],
        properties: {
          id: {
            type: 'string',
            pattern: '^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$',
            description: 'Never changes.',
          },
          name: { type: 'string' },
          runtime: { $ref: '#/components/schemas/Runtime' },
          status: { type: 'string', enum: ['created', 'starting', 'running', 'stopped', 'error'] },
          port: { type: 'integer', format: 'int32' },
          channels: { type: 'array', items: { $ref: '#/components/schemas/Channel' } },
          error: { type: ['string', 'null'] },
        },
      },
      Runtime: { type: 'string', enum: ['native', 'openclaw'] },
      Channel: { type: 'object', properties: { type: { type: 'string' }, config: { type: 'object' } } },
      CreateInstance: {
        type: 'object',
        required: ['id'],
        properties: {
          id: { type: 'string' },
          runtime: { oneOf: [{ type: 'null' }, { $ref: '#/components/schemas/Runtime' }] },
          start: { type: 'boolean', default: true },
        },
      },
      Problem: { type: 'object', properties: { detail: { type: 'string' }, status: { type: 'integer' } } },
    },
  },
  paths: {
    '/api/instances': {
      get: {
        tags: ['instances'],
        summary: 'All instances',
        responses: {
          200: {
            description: 'The instances.',
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: {
                    instances: { type: 'array', items: { $ref: '#/components/schemas/Instance' } },
                  },
                },
              },
            },
          },
        },
      },
      post: {
        tags: ['instances'],
        summary: 'Create an instance',
        description: 'The token is in this answer and never shown again.',
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/CreateInstance' } } },
        },
        responses: { 201: { description: 'Created.' }, 409: { description: 'The id is taken.' } },
      },
    },
    '/api/instances/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      delete: {
        tags: ['instances'],
        summary: 'Remove an instance',
        parameters: [
          { name: 'purge', in: 'query', schema: { type: 'boolean' }, description: 'Its data as well.' },
        ],
        responses: { 204: { description: 'Removed.' } },
      },
    },
    '/api/system/status': {
      get: { tags: ['system'], summary: 'The host', responses: { 200: { description: 'How it is.' } } },
    },
  },
}
