// PostGraphile 5 on the product's own tables: the tenant comes from the settings of each transaction.
import { createServer } from 'node:http';
import { grafserv } from 'grafserv/node';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { access } from 'postgraphile/grafast';
import { sideEffectWithPgClientTransaction } from 'postgraphile/@dataplan/pg';
import { extendSchema, gql } from 'postgraphile/utils';
import { connectionString, port, sql } from './tenants.mjs';

// The insert with its plain audit row, in the one transaction that PostGraphile gives a mutation.
const makeCategory = extendSchema((build) => ({
  typeDefs: gql`
    type MadeCategory { id: String name: String }
    extend type Mutation { makeCategory(name: String!): MadeCategory }
  `,
  objects: {
    MadeCategory: { plans: { id: ($made) => access($made, 'id'), name: ($made) => access($made, 'name') } },
    Mutation: {
      plans: {
        makeCategory(_, { $name }) {
          const executor = build.input.pgRegistry.pgExecutors.main;
          const $made = sideEffectWithPgClientTransaction(executor, $name, async (client, name) => {
            const { rows } = await client.query({ ...sql.insert, values: [name] });
            await client.query({ ...sql.audit, values: [rows[0].id] });
            return rows[0];
          });
          return $made;
        },
      },
    },
  },
}));

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [makeCategory],
  pgServices: [makePgService({ connectionString, schemas: ['countersign'], poolConfig: { max: 10 } })],
  grafast: {
    context: (request) => ({
      // `countersign.tenant` is what the product's own entrance sets, and row-level security reads.
      pgSettings: { 'countersign.tenant': request.node?.req.headers['x-tenant'] },
      tenant: request.node?.req.headers['x-tenant'],
    }),
  },
  grafserv: { graphqlPath: '/bench', graphiql: false, watch: false },
};
const server = createServer();
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(port, '127.0.0.1');
