// @graphql-eslint over the committed SDL and the web app's operations.
import { readFileSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

import graphql from '@graphql-eslint/eslint-plugin';
import { Linter } from 'eslint';

const root = new URL('../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');

const schema = read('api/schema.graphql');
const folder = 'web/src/graphql/operations/';
const operations = readdirSync(new URL(folder, root)).map((name) =>
  fileURLToPath(new URL(folder + name, root)),
);

const configs = graphql.configs;
const SCHEMA_RULES = {
  ...configs['flat/schema-recommended'].rules,
  ...configs['flat/schema-relay'].rules,
  // `userErrors`, and `nodes` beside `edges`, are lists by the field's own conventions (GitHub, Shopify).
  '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false }],
  // What has an identity of its own has an id; these are parts of answers.
  '@graphql-eslint/strict-id-in-types': [
    'error',
    {
      exceptions: {
        suffixes: ['Connection', 'Edge', 'Payload', 'Access', 'AccessPage'],
        types: [
          'PageInfo',
          'UserError',
          'Decision',
          'Viewer',
          'Permission',
          'WhoMay',
          'AccessExplanation',
          'AccessRule',
          'AccessPrincipal',
          'AccessRow',
          'NearestPermit',
          'RowCondition',
          'BuiltInRole',
          'Ceiling',
          'MemberRights',
          'RightsChange',
          'RightsPreview',
          'PolicySet',
          'PolicyCertificate',
          'AuditCheckpoint',
          'AuditKey',
          'AuditInclusionProof',
          'AuditConsistencyProof',
        ],
      },
    },
  ],
};
// A checkpoint is a statement, known by whose log it is of and how many rows that had: there is no id to ask for it by.
const isEdgeOfStatement = (lines, { line, ruleId }) =>
  ruleId === '@graphql-eslint/relay-edge-types' &&
  lines.slice(0, line).findLast((one) => one.startsWith('type ')) === 'type AuditCheckpointEdge {';
const OPERATION_RULES = configs['flat/operations-recommended'].rules;

function problems(filePath, text, rules) {
  const linter = new Linter({ configType: 'flat', cwd: fileURLToPath(root) });
  const parserOptions = { graphQLConfig: { schema, documents: operations } };
  const config = {
    files: ['**/*.graphql'],
    plugins: { '@graphql-eslint': graphql },
    languageOptions: { parser: graphql.parser, parserOptions },
    rules,
  };
  const lines = text.split('\n');
  return (
    linter
      .verify(text, [config], { filename: filePath })
      // What is on its way out keeps its name until it is gone.
      .filter((one) => !lines[one.line - 1].includes('@deprecated') && !isEdgeOfStatement(lines, one))
      .map((one) => `${filePath}:${one.line} ${one.ruleId}: ${one.message}`)
  );
}

export default async function lint({ check }) {
  await check('graphql-eslint finds nothing in the schema', async () => {
    const found = problems('schema.graphql', schema, SCHEMA_RULES);
    if (found.length > 0) throw new Error(`\n  ${found.slice(0, 40).join('\n  ')}\n  (${found.length})`);
  });
  for (const path of operations) {
    await check(`graphql-eslint finds nothing in ${basename(path)}`, async () => {
      const found = problems(path, readFileSync(path, 'utf8'), OPERATION_RULES);
      if (found.length > 0) throw new Error(`\n  ${found.slice(0, 20).join('\n  ')}`);
    });
  }
}
