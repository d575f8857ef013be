// PostGraphile 5 on the product's own tables: the tenant comes from the settings of each transaction.
import { createServer } from "node:http";
import { grafserv } from "grafserv/node";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { extendSchema } from "postgraphile/utils";
import { connectionString, createCategory, port } from "./tenants.mjs";

const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({ connectionString, schemas: ["countersign"], poolConfig: { max: 10 } }),
  ],
  grafast: {
    context: (request) => ({
      // `countersign.tenant` is what the product's own entrance sets, and row-level security reads.
      pgSettings: { "countersign.tenant": request.node?.req.headers["x-tenant"] },
      tenant: request.node?.req.headers["x-tenant"],
    }),
  },
  grafserv: { graphqlPath: "/bench", graphiql: false, watch: false },
};
const server = createServer();
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(port, "127.0.0.1");
