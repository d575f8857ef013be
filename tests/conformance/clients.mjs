// Clients that partners use, each with the same errands.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client/core';
import { createClient, fetchExchange } from '@urql/core';
import { GraphQLClient } from 'graphql-request';

const PAGE = `query Page($first: Int!, $after: String) {
  accounts(first: $first, after: $after) { edges { cursor node { id name } } pageInfo { hasNextPage endCursor } }
}`;
const MAKE = `mutation Make($name: String!) {
  createCategory(input: { name: $name }) { category { id name } userErrors { code message field } }
}`;
const MISSING = `query Missing($id: ID!) { node(id: $id) { id } }`;
const NOWHERE = 'acc_00000000000070008000000000000001';

/** Each errand by one client: `run` gives the data, or throws an error from which `codeOf` reads the code. */
async function errands(name, check, run, codeOf) {
  await check(`${name}: pages forward`, async () => {
    const first = await run(PAGE, { first: 1 });
    const { endCursor, hasNextPage } = first.accounts.pageInfo;
    assert.equal(hasNextPage, true);
    const next = await run(PAGE, { first: 1, after: endCursor });
    assert.notEqual(next.accounts.edges[0].node.id, first.accounts.edges[0].node.id);
  });
  await check(`${name}: makes something, and hears what is wrong with an input`, async () => {
    const label = `${name} ${randomUUID()}`;
    const made = await run(MAKE, { name: label });
    assert.equal(made.createCategory.category.name, label);
    const faulty = await run(MAKE, { name: ' ' });
    assert.equal(faulty.createCategory.userErrors[0].code, 'INVALID');
  });
  await check(`${name}: hears the code of an error`, async () => {
    await assert.rejects(run(MISSING, { id: NOWHERE }), (error) => {
      assert.equal(codeOf(error), 'NOT_FOUND');
      return true;
    });
  });
}

export default async function clients({ url, token, check }) {
  const headers = () => ({ authorization: `Bearer ${token}`, 'idempotency-key': randomUUID() });
  const fetchWith = (input, init) => {
    const all = new Headers(init.headers);
    for (const [name, value] of Object.entries(headers())) all.set(name, value);
    return fetch(input, { ...init, headers: all });
  };

  const apollo = new ApolloClient({
    cache: new InMemoryCache(),
    link: new HttpLink({ uri: url, fetch: fetchWith }),
  });
  const byApollo = async (text, variables) => {
    const document = gql(text);
    const isMutation = document.definitions[0].operation === 'mutation';
    const asked = isMutation
      ? apollo.mutate({ mutation: document, variables })
      : apollo.query({ query: document, variables, fetchPolicy: 'no-cache' });
    return (await asked).data;
  };
  await errands('apollo client', check, byApollo, (error) =>
    CombinedGraphQLErrors.is(error) ? error.errors[0].extensions.code : String(error),
  );

  const urql = createClient({ url, exchanges: [fetchExchange], fetch: fetchWith, preferGetMethod: false });
  const byUrql = async (text, variables) => {
    const isMutation = text.startsWith('mutation');
    const result = await (isMutation
      ? urql.mutation(text, variables)
      : urql.query(text, variables)
    ).toPromise();
    if (result.error) throw result.error;
    return result.data;
  };
  await errands('urql', check, byUrql, (error) => error.graphQLErrors[0]?.extensions.code);

  const graphqlRequest = new GraphQLClient(url, { fetch: fetchWith });
  await errands(
    'graphql-request',
    check,
    (text, variables) => graphqlRequest.request(text, variables),
    (error) => error.response?.errors?.[0]?.extensions.code,
  );
}
