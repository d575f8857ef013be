// Writes src/graphql/generated from the SDL and the .graphql files. With --check it writes nothing
// and fails when what is there differs.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { codegen } from '@graphql-codegen/core';
import * as typescriptOperations from '@graphql-codegen/typescript-operations';
import { buildSchema, Kind, parse, print, validate, visit } from 'graphql';

const root = new URL('..', import.meta.url);
const operationsFolder = new URL('src/graphql/operations/', root);
const generatedFolder = new URL('src/graphql/generated/', root);

const sdl = readFileSync(new URL('../api/schema.graphql', root), 'utf8');
const schema = buildSchema(sdl);
const documents = readdirSync(operationsFolder)
  .filter((name) => name.endsWith('.graphql'))
  .sort()
  .map((name) => ({
    location: name,
    document: parse(readFileSync(new URL(name, operationsFolder), 'utf8')),
  }));

const whole = {
  kind: Kind.DOCUMENT,
  definitions: documents.flatMap(({ document }) => document.definitions),
};
const faults = validate(schema, whole);
if (faults.length > 0) {
  for (const fault of faults) console.error(fault.message);
  process.exit(1);
}

const scalars = Object.fromEntries(
  ['Decimal', 'Date', 'DateTime', 'CurrencyCode', 'Base64'].map((name) => [
    name,
    `import('../scalars').${name === 'Date' ? 'LocalDate' : name}`,
  ]),
);
const config = {
  scalars: { ...scalars, ID: 'string' },
  strictScalars: true,
  enumType: 'string-literal',
  useTypeImports: true,
  skipTypename: true,
  avoidOptionals: { field: true, inputValue: false, defaultValue: false },
  inputMaybeValue: 'T | null | undefined',
  dedupeFragments: true,
};
const types = await codegen({
  filename: 'documents.ts',
  schema: parse(sdl),
  documents,
  config,
  plugins: [{ operations: {} }],
  pluginMap: { operations: typescriptOperations },
});

// The manifest: every text that this app can send, by its SHA-256.
const fragments = new Map();
for (const definition of whole.definitions) {
  if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
}
const manifest = {};
const constants = [];
for (const definition of whole.definitions) {
  if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
  const used = new Map();
  const collect = (node) =>
    visit(node, {
      FragmentSpread(spread) {
        const name = spread.name.value;
        if (used.has(name)) return;
        used.set(name, fragments.get(name));
        collect(fragments.get(name));
      },
    });
  collect(definition);
  const text = print({ kind: Kind.DOCUMENT, definitions: [definition, ...used.values()] });
  const hash = createHash('sha256').update(text).digest('hex');
  const name = definition.name.value;
  const kind = definition.operation;
  manifest[name] = { documentId: `sha256:${hash}`, kind, text };
  const type = `${name}${kind[0].toUpperCase()}${kind.slice(1)}`;
  constants.push(
    `export const ${name}Document: Document<${type}, ${type}Variables> = {\n  name: '${name}',\n  id: 'sha256:${hash}',\n};\n`,
  );
}

const banner = '// Generated from api/schema.graphql and src/graphql/operations by `npm run generate`.\n';
const outputs = {
  'documents.ts': `${banner}import type { Document } from '../document';\n\n${types.trim()}\n\n${constants.join('\n')}`,
  'documents.json': `${JSON.stringify(manifest, null, 2)}\n`,
};
const isCheck = process.argv.includes('--check');
mkdirSync(generatedFolder, { recursive: true });
let stale = false;
for (const [name, text] of Object.entries(outputs)) {
  const file = new URL(name, generatedFolder);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  if (isCheck) {
    stale = true;
    console.error(
      `src/graphql/generated/${name} is not what the schema and the operations give: run \`npm run generate\``,
    );
  } else {
    writeFileSync(file, text);
  }
}
process.exit(stale ? 1 : 0);
