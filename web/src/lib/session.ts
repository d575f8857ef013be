import { queryOptions } from '@tanstack/react-query';
import { RequestError } from '../graphql/request';
import { meantFor } from './tenant';

export interface SessionTenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly role: string;
}

/** Who is signed in, as `/bff/user` tells it. */
export interface Session {
  readonly user: { readonly id: string; readonly name: string; readonly email: string };
  readonly tenants: readonly SessionTenant[];
  readonly activeTenant: string | null;
  readonly sessionExpiresAt: string;
  readonly logoutUrl: string;
}

async function problem(response: Response): Promise<RequestError> {
  let body: { code?: string; detail?: string; title?: string; requestId?: string } = {};
  try {
    body = (await response.json()) as typeof body;
  } catch {
    // Not JSON: the status has to do.
  }
  return new RequestError({
    code: body.code ?? (response.status === 503 ? 'SERVICE_UNAVAILABLE' : 'INTERNAL_SERVER_ERROR'),
    message: body.detail ?? body.title ?? `the server answered with status ${response.status}`,
    requestId: body.requestId ?? response.headers.get('X-Request-Id'),
    rule: null,
    field: null,
  });
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { credentials: 'same-origin', ...init });
  } catch {
    throw new RequestError({
      code: 'NETWORK',
      message: 'the server could not be reached',
      requestId: null,
      rule: null,
      field: null,
    });
  }
}

async function readSession(): Promise<Session | null> {
  const response = await ask('/bff/user', { headers: { Accept: 'application/json', 'X-CSRF': '1' } });
  if (response.status === 401) return null;
  if (!response.ok) throw await problem(response);
  return (await response.json()) as Session;
}

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: readSession,
  staleTime: 60_000,
  gcTime: Number.POSITIVE_INFINITY,
  retry: false,
});

/** Sends JSON to the backend-for-frontend. Throws where it refuses, or where no answer comes. */
export async function post(path: string, body: object, signal: AbortSignal): Promise<Response> {
  const response = await ask(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRF': '1', ...meantFor() },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok) throw await problem(response);
  return response;
}

/** Makes a tenant the session's active one. False: there is no such tenant for this person. */
export async function activateTenant(slug: string): Promise<boolean> {
  const response = await ask('/bff/tenant', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRF': '1' },
    body: JSON.stringify({ slug }),
  });
  if (response.status === 404) return false;
  if (!response.ok) throw await problem(response);
  return true;
}

/** Where to sign in and come back to this address. */
export function loginUrl(returnUrl: string): string {
  const isLocal = returnUrl.startsWith('/') && !returnUrl.startsWith('//') && !returnUrl.includes('\\');
  return `/bff/login?returnUrl=${encodeURIComponent(isLocal ? returnUrl : '/')}`;
}

/**
 * What keeps a sign-in from beginning, in the server's words, found out before leaving the app: it forgets where one wanted
 * to be. `null`: nothing does.
 */
export async function signInFault(returnUrl: string): Promise<string | null> {
  try {
    const response = await ask(loginUrl(returnUrl), { redirect: 'manual', headers: { 'X-CSRF': '1' } });
    return response.status >= 400 ? (await problem(response)).message : null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
