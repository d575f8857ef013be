// Mercurius with its JIT and loaders, and a rule on every field by wrapping its resolver.
import Fastify from 'fastify';
import mercurius from 'mercurius';
import { byIds, createCategory, inTenant, port, sql, typeDefs } from './tenants.mjs';

const app = Fastify();
const resolvers = {
  Query: {
    transactions: async (_, { first }, context) =>
      (await context.client.query({ ...sql.page, values: [first] })).rows,
    transaction: async (_, { id }, context) =>
      (await context.client.query({ ...sql.one, values: [id] })).rows[0] ?? null,
  },
  Mutation: {
    createCategory: (_, { name }, context) => createCategory(context.tenant, name),
  },
};

const loader = (statement, key) => ({
  loader: (queries, context) =>
    byIds(
      context.client,
      statement,
      queries.map(({ obj }) => obj[key]),
    ),
  opts: { cache: false },
});
const loaders = {
  Transaction: {
    account: loader(sql.accounts, 'accountId'),
    category: loader(sql.categories, 'categoryId'),
  },
};

app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  loaders,
  jit: 1,
});

// A rule per field: the default resolver and ours alike ask for the caller's permission first.
await app.after();
for (const type of Object.values(app.graphql.schema.getTypeMap())) {
  if (type.name.startsWith('__') || !type.getFields || type.name === 'Query') continue;
  for (const field of Object.values(type.getFields())) {
    const resolve = field.resolve ?? ((source) => source[field.name]);
    field.resolve = (source, args, context, info) => {
      if (!context.may.has('read')) throw new Error('refused');
      return resolve(source, args, context, info);
    };
  }
}

// One transaction in the tenant around each query: every statement of it is confined.
app.post('/bench', async (request, reply) => {
  const { query, variables } = request.body;
  const context = { tenant: request.headers['x-tenant'], may: new Set(['read', 'write']) };
  if (query.startsWith('mutation')) return reply.graphql(query, context, variables);
  return inTenant(context.tenant, (client) => reply.graphql(query, { ...context, client }, variables));
});
await app.listen({ port, host: '127.0.0.1' });
