// GraphQL Yoga with graphql-shield: a rule on every field, DataLoader for what rows point to.
import { createServer } from 'node:http';
import { makeExecutableSchema } from '@graphql-tools/schema';
import DataLoader from 'dataloader';
import { applyMiddleware } from 'graphql-middleware';
import { allow, rule, shield } from 'graphql-shield';
import { createYoga } from 'graphql-yoga';
import { byIds, createCategory, inTenant, port, sql, typeDefs } from './tenants.mjs';

const resolvers = {
  Query: {
    transactions: async (_, { first }, { client }) =>
      (await client.query({ ...sql.page, values: [first] })).rows,
    transaction: async (_, { id }, { client }) =>
      (await client.query({ ...sql.one, values: [id] })).rows[0] ?? null,
  },
  Mutation: {
    createCategory: (_, { name }, { tenant }) => createCategory(tenant, name),
  },
  Transaction: {
    account: (row, _, { accounts }) => accounts.load(row.accountId),
    category: (row, _, { categories }) => row.categoryId && categories.load(row.categoryId),
  },
};

const mayRead = rule({ cache: 'no_cache' })((_, __, { may }) => may.has('read'));
const permissions = shield(
  {
    Query: { '*': allow },
    Mutation: { '*': mayRead },
    Transaction: { '*': mayRead },
    Account: { '*': mayRead },
    Category: { '*': mayRead },
  },
  { allowExternalErrors: true },
);

const schema = applyMiddleware(makeExecutableSchema({ typeDefs, resolvers }), permissions);
const yoga = createYoga({
  schema,
  graphqlEndpoint: '/bench',
  logging: false,
  graphiql: false,
  plugins: [
    {
      // One transaction in the tenant around each query.
      onExecute({ args, executeFn, setExecuteFn }) {
        const context = args.contextValue;
        context.tenant = context.request.headers.get('x-tenant');
        context.may = new Set(['read', 'write']);
        if (context.params.query.startsWith('mutation')) return;
        setExecuteFn((args) =>
          inTenant(context.tenant, (client) => {
            context.client = client;
            context.accounts = new DataLoader((ids) => byIds(client, sql.accounts, ids));
            context.categories = new DataLoader((ids) => byIds(client, sql.categories, ids));
            return executeFn(args);
          }),
        );
      },
    },
  ],
});
createServer(yoga).listen(port, '127.0.0.1');
