import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as documents from './generated/documents';
import manifest from './generated/documents.json';
import { faultOf, onSignedOut, RequestError, request } from './request';

const { AccountsDocument } = documents;
const fetched = vi.fn<typeof fetch>();

function answer(status: number, body: unknown, type = 'application/graphql-response+json') {
  fetched.mockResolvedValueOnce(
    new Response(typeof body === 'string' ? body : JSON.stringify(body), {
      status,
      headers: { 'Content-Type': type, 'X-Request-Id': 'req_header' },
    }),
  );
}

const failure = async () => {
  const error = await request(AccountsDocument, { first: 1 }).catch((thrown: unknown) => thrown);
  if (!(error instanceof RequestError)) throw new Error('it did not fail as expected');
  return error.fault;
};

beforeEach(() => vi.stubGlobal('fetch', fetched));
afterEach(() => {
  vi.unstubAllGlobals();
  fetched.mockReset();
});

describe('a request', () => {
  test('carries the header that no foreign page can send', async () => {
    answer(200, { data: { tenant: null, accounts: null } });
    await request(AccountsDocument, { first: 1 });
    const [url, init] = fetched.mock.calls[0] ?? [];
    expect(url).toBe('/graphql');
    const headers = new Headers(init?.headers);
    expect(headers.get('X-CSRF')).toBe('1');
    expect(headers.get('Accept')).toContain('application/graphql-response+json');
    expect(JSON.parse(String(init?.body))).toMatchObject({
      documentId: AccountsDocument.id,
      variables: { first: 1 },
    });
  });

  test('gives what policy hid beside the data', async () => {
    const redactions = [
      { path: 'accounts.nodes.*.balance', rule: 'no-permit(human.financial)', count: 3 },
      { count: 2 },
      null,
    ];
    answer(200, { data: { tenant: null, accounts: { nodes: [] } }, extensions: { redactions } });
    const { redactions: read } = await request(AccountsDocument, { first: 1 });
    expect([...read]).toEqual([
      ['accounts.nodes.*.balance', { rule: 'no-permit(human.financial)', count: 3 }],
    ]);
  });

  test('keeps partial data with its faults', async () => {
    answer(200, {
      data: { tenant: { slug: 'a' }, accounts: null },
      errors: [
        {
          message: 'no',
          path: ['accounts'],
          extensions: { code: 'FORBIDDEN', rule: 'x', requestId: 'req_1' },
        },
      ],
    });
    const got = await request(AccountsDocument, { first: 1 });
    expect(got.data.tenant?.slug).toBe('a');
    expect(faultOf(got, 'accounts').fault).toEqual({
      code: 'FORBIDDEN',
      message: 'no',
      requestId: 'req_1',
      rule: 'x',
      field: 'accounts',
    });
  });

  test('fails with code and request id where there is no data', async () => {
    answer(422, { errors: [{ message: 'too deep', extensions: { code: 'DEPTH_LIMIT_EXCEEDED' } }] });
    expect(await failure()).toMatchObject({ code: 'DEPTH_LIMIT_EXCEEDED', requestId: 'req_header' });
  });

  test('reads a problem document of the way to GraphQL', async () => {
    answer(
      503,
      { title: 'Away', detail: 'the database is away', code: 'SERVICE_UNAVAILABLE', requestId: 'req_2' },
      'application/problem+json',
    );
    expect(await failure()).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: 'the database is away',
      requestId: 'req_2',
    });
  });

  test('survives an answer that is not JSON, and none at all', async () => {
    answer(502, '<html>bad gateway</html>', 'text/html');
    expect(await failure()).toMatchObject({ code: 'INTERNAL_SERVER_ERROR', requestId: 'req_header' });
    fetched.mockRejectedValueOnce(new TypeError('failed to fetch'));
    expect(await failure()).toMatchObject({ code: 'NETWORK' });
  });

  test('tells the app when nobody is signed in any more', async () => {
    const heard = vi.fn();
    const stop = onSignedOut(heard);
    answer(401, { code: 'UNAUTHENTICATED', detail: 'no session' }, 'application/problem+json');
    expect(await failure()).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(heard).toHaveBeenCalledTimes(1);
    stop();
  });
});

test('every operation that can be sent stands in the manifest under its own hash', async () => {
  const sent = Object.values(documents).map((document) => [document.name, document.id] as const);
  expect(Object.keys(manifest).sort()).toEqual(sent.map(([name]) => name).sort());
  for (const [name, id] of sent) {
    const { documentId, text } = manifest[name as keyof typeof manifest];
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    expect(documentId).toBe(`sha256:${hex}`);
    expect(id).toBe(documentId);
  }
});
