import type { Fetcher } from '@graphiql/toolkit';
import { getOperationAST, OperationTypeNode } from 'graphql';
import { readPart, streamParts } from '../graphql/event-stream';

const HEADERS = { 'Content-Type': 'application/json', 'X-CSRF': '1' };

async function send(body: unknown, accept: string, headers: Record<string, string>, signal?: AbortSignal) {
  return fetch('/graphql', {
    method: 'POST',
    credentials: 'same-origin',
    headers: { Accept: accept, ...HEADERS, 'Idempotency-Key': crypto.randomUUID(), ...headers },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

/** The answers of a subscription, for as long as somebody reads. */
async function* follow(body: unknown, headers: Record<string, string>) {
  const abort = new AbortController();
  try {
    const response = await send(body, 'text/event-stream', headers, abort.signal);
    if (!response.ok || response.body === null) {
      yield await response.json();
      return;
    }
    for await (const part of streamParts(response.body)) {
      const event = readPart(part);
      if (event?.event === 'complete') return;
      if (event?.event === 'next') yield JSON.parse(event.data);
    }
  } finally {
    abort.abort();
  }
}

/** Sends what the explorer asks with the session of the page that it was opened from. */
export const fetcher: Fetcher = async (params, options) => {
  const headers = options?.headers ?? {};
  const operation = options?.documentAST && getOperationAST(options.documentAST, params.operationName);
  if (operation?.operation === OperationTypeNode.SUBSCRIPTION) return follow(params, headers);
  const response = await send(params, 'application/graphql-response+json', headers);
  return response.json();
};

/** Whether nobody is signed in. Where the server does not answer, what is asked in the explorer will tell. */
export async function isSignedOut(): Promise<boolean> {
  try {
    return (await fetch('/bff/user', { credentials: 'same-origin', headers: HEADERS })).status === 401;
  } catch {
    return false;
  }
}
