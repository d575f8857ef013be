// Subscriptions by the client that named the protocol (npm `graphql-sse`).
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { GraphQLClient } from 'graphql-request';
import { createClient } from 'graphql-sse';

const MAKE = `mutation Make($name: String!) { createCategory(input: { name: $name }) { category { id } } }`;
const WATCH = `subscription Watch {
  auditEntryAdded(filter: { action: "category.created" }) { seq action targets }
}`;

export default async function subscriptions({ url, token, check }) {
  const headers = () => ({ authorization: `Bearer ${token}`, 'idempotency-key': randomUUID() });
  const client = () => createClient({ url, headers, retryAttempts: 0 });
  const make = () => new GraphQLClient(url, { headers }).request(MAKE, { name: `sse ${randomUUID()}` });

  await check('graphql-sse: hears what goes on', async () => {
    const events = client().iterate({ query: WATCH });
    // The stream is open when the first of these is told; what came before it is not.
    let made;
    const making = setInterval(async () => (made ??= await make()), 500);
    try {
      const { value } = await events.next();
      assert.equal(value.errors, undefined, JSON.stringify(value.errors));
      const { category } = made?.createCategory ?? (await make()).createCategory;
      assert.equal(value.data.auditEntryAdded.action, 'category.created');
      assert.deepEqual(value.data.auditEntryAdded.targets, [category.id]);
    } finally {
      clearInterval(making);
      await events.return();
    }
  });
  await check('graphql-sse: asks a question', async () => {
    const { value } = await client().iterate({ query: '{ viewer { kind } }' }).next();
    assert.equal(value.data.viewer.kind, 'MACHINE');
  });
  await check('graphql-sse: hears what is wrong with a document', async () => {
    const { value } = await client().iterate({ query: 'subscription { nothing }' }).next();
    assert.equal(value.errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  });
  await check('graphql-sse: hears that a token is none', async () => {
    const stranger = createClient({ url, headers: { authorization: 'Bearer cst_x' }, retryAttempts: 0 });
    await assert.rejects(stranger.iterate({ query: WATCH }).next(), (error) => {
      assert.equal(error.response.status, 401);
      return true;
    });
  });
}
