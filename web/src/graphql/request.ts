import { reloadStalePage } from '../lib/stale-page';
import { meantFor } from '../lib/tenant';
import type { Document } from './document';
import { type Redactions, readRedactions } from './redactions';

/** One fault of a GraphQL answer, or of the way to it. */
export interface Fault {
  /** The server's stable code, or `NETWORK` when no answer came. */
  readonly code: string;
  readonly message: string;
  readonly requestId: string | null;
  readonly rule: string | null;
  /** The first field of the operation that it befell, if it befell one. */
  readonly field: string | null;
}

/** Nothing came back that a screen could show. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** The session was switched to another tenant meanwhile, in another tab. */
export const SWITCHED: Fault = {
  code: 'TENANT_SWITCHED',
  message: 'this session was switched to another tenant. Reload the page to switch back',
  requestId: null,
  rule: null,
  field: null,
};

/** What came back: data, what policy hid in it, and which of its root fields failed. */
export interface Answer<Data> {
  readonly data: Data;
  readonly redactions: Redactions;
  readonly faults: readonly Fault[];
  readonly requestId: string | null;
}

type SignedOutListener = () => void;
const signedOutListeners = new Set<SignedOutListener>();

/** Calls back when the server says that nobody is signed in any more. Gives the way to stop listening. */
export function onSignedOut(listener: SignedOutListener): () => void {
  signedOutListeners.add(listener);
  return () => signedOutListeners.delete(listener);
}

interface Wire {
  data?: unknown;
  errors?: {
    message?: unknown;
    path?: unknown;
    extensions?: { code?: unknown; requestId?: unknown; rule?: unknown };
  }[];
  extensions?: { redactions?: unknown };
  // RFC 9457, where the request did not get as far as GraphQL.
  title?: unknown;
  detail?: unknown;
  code?: unknown;
  requestId?: unknown;
}

const asText = (value: unknown): string | null => (typeof value === 'string' ? value : null);

function readFaults(wire: Wire, requestId: string | null): Fault[] {
  return (wire.errors ?? []).map((error) => ({
    code: asText(error.extensions?.code) ?? 'INTERNAL_SERVER_ERROR',
    message: asText(error.message) ?? 'the server gave no reason',
    requestId: asText(error.extensions?.requestId) ?? requestId,
    rule: asText(error.extensions?.rule),
    field: Array.isArray(error.path) ? asText(error.path[0]) : null,
  }));
}

const CODES_BY_STATUS: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  413: 'PAYLOAD_TOO_LARGE',
  429: 'RATE_LIMITED',
  503: 'SERVICE_UNAVAILABLE',
};

/** Sends one operation. The only place from which GraphQL is asked. */
export async function open<Data, Variables>(
  document: Document<Data, Variables>,
  variables: Variables,
  accept: string,
  signal?: AbortSignal,
  // A new one for each sending: the browser's own repeats of one sending carry the same.
  key: string = crypto.randomUUID(),
  tenant?: string,
): Promise<Response> {
  try {
    return await fetch('/graphql', {
      method: 'POST',
      credentials: 'same-origin',
      headers: {
        Accept: `${accept}, application/problem+json;q=0.9`,
        'Content-Type': 'application/json',
        'X-CSRF': '1',
        'Idempotency-Key': key,
        ...meantFor(tenant),
      },
      body: JSON.stringify({ documentId: document.id, variables }),
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new RequestError({
      code: 'NETWORK',
      message: 'the server could not be reached',
      requestId: null,
      rule: null,
      field: null,
    });
  }
}

/** Reads what the server answered; throws where nothing came back that a screen could show. */
export function readAnswer<Data>(parsed: unknown, status: number, requestId: string | null): Answer<Data> {
  const wire: Wire = typeof parsed === 'object' && parsed !== null ? parsed : {};
  const faults = readFaults(wire, requestId);
  if (status === 401 || faults.some((fault) => fault.code === 'UNAUTHENTICATED')) {
    for (const listener of signedOutListeners) listener();
  }
  if (faults.some((fault) => fault.code === 'DOCUMENT_NOT_FOUND')) reloadStalePage();
  if (wire.data === undefined || wire.data === null) {
    throw new RequestError(
      faults[0] ?? {
        code: asText(wire.code) ?? CODES_BY_STATUS[status] ?? 'INTERNAL_SERVER_ERROR',
        message: asText(wire.detail) ?? asText(wire.title) ?? 'the answer of the server could not be read',
        requestId: asText(wire.requestId) ?? requestId,
        rule: null,
        field: null,
      },
    );
  }
  return {
    data: wire.data as Data,
    redactions: readRedactions(wire.extensions?.redactions),
    faults,
    requestId,
  };
}

/**
 * Asks for one answer. Sent again with the same `key`, a mutation is done once. It is meant for the tenant of that id,
 * or for the one that this tab works in.
 */
export async function request<Data, Variables>(
  document: Document<Data, Variables>,
  variables: Variables,
  signal?: AbortSignal,
  key?: string,
  tenant?: string,
): Promise<Answer<Data>> {
  const media = 'application/graphql-response+json';
  const response = await open(document, variables, media, signal, key, tenant);
  let parsed: unknown;
  try {
    parsed = await response.json();
  } catch (cause) {
    if (signal?.aborted) throw cause;
  }
  return readAnswer(parsed, response.status, response.headers.get('X-Request-Id'));
}

/** The fault that befell a root field, as an error to show. */
export function faultOf(answer: Answer<unknown>, field: string): RequestError {
  const fault = answer.faults.find((one) => one.field === field) ?? answer.faults[0];
  return new RequestError(
    fault ?? {
      code: 'INTERNAL_SERVER_ERROR',
      message: `the server gave nothing for \`${field}\``,
      requestId: answer.requestId,
      rule: null,
      field,
    },
  );
}
