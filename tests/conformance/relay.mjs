// The Relay compiler over the committed SDL: a connection, a refetchable fragment, a mutation.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = `
import { graphql } from "react-relay";
graphql\`query appQuery { ...app_transactions }\`;
graphql\`fragment app_transactions on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" })
  @refetchable(queryName: "appTransactionsQuery") {
  transactions(first: $count, after: $cursor) @connection(key: "app_transactions") {
    edges { node { id ...app_row } }
  }
}\`;
graphql\`fragment app_row on Transaction @refetchable(queryName: "appRowQuery") { id amount account { id name } }\`;
graphql\`mutation appMutation($input: CreateCategoryInput!) {
  createCategory(input: $input) { category { id name } userErrors { code message } }
}\`;
`;

export default async function relay({ check }) {
  await check('relay compiler takes the schema and its conventions', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-relay-'));
    try {
      mkdirSync(join(folder, 'src'));
      writeFileSync(join(folder, 'src/app.js'), SOURCE);
      copyFileSync(
        fileURLToPath(new URL('../../api/schema.graphql', import.meta.url)),
        join(folder, 'schema.graphql'),
      );
      const config = { src: './src', language: 'javascript', schema: './schema.graphql' };
      writeFileSync(join(folder, 'relay.config.json'), JSON.stringify(config));
      const compiler = fileURLToPath(new URL('node_modules/relay-compiler/cli.js', import.meta.url));
      execFileSync('node', [compiler, 'relay.config.json'], { cwd: folder, stdio: 'pipe' });
      const made = readdirSync(join(folder, 'src/__generated__'));
      if (!made.includes('appTransactionsQuery.graphql.js')) throw new Error(`made ${made}`);
    } catch (error) {
      throw new Error(`${error.message} ${error.stdout ?? ''} ${error.stderr ?? ''}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
