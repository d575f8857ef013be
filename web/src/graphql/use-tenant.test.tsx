import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, renderHook, screen, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { TenantContext, workIn } from '../lib/tenant';
import { ErrorPanel, LoadMore } from '../ui/panels';
import { absence } from './absence';
import type { Document } from './document';
import { type Connection, useTenantList, useTenantMutation } from './use-tenant';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

interface Names {
  names: Connection<{ name: string }> | null;
}

const document = { id: 'sha256:1', name: 'Names' } as Document<
  Names,
  { first: number; after?: string | null }
>;

function List() {
  const { query, rows } = useTenantList(document, 'names', {});
  const missing = absence(query);
  if (missing) return <ErrorPanel error={missing} what="Names" />;
  return (
    <>
      {rows.map(({ node }) => (
        <p key={node.name}>{node.name}</p>
      ))}
      <LoadMore query={query} />
    </>
  );
}

const page = (name: string, endCursor: string | null) => () =>
  Promise.resolve(
    new Response(
      JSON.stringify({
        data: { names: { nodes: [{ name }], pageInfo: { hasNextPage: endCursor !== null, endCursor } } },
      }),
    ),
  );
const nothing = () => Promise.reject(new TypeError('Failed to fetch'));
const refused = () =>
  Promise.resolve(
    new Response(
      JSON.stringify({ data: null, errors: [{ message: 'no', extensions: { code: 'FORBIDDEN' } }] }),
    ),
  );

function list(...answers: (() => Promise<Response>)[]) {
  vi.stubGlobal(
    'fetch',
    vi.fn(() => (answers.shift() ?? nothing)()),
  );
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <TenantContext value={{ id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' }}>
        <List />
      </TenantContext>
    </QueryClientProvider>,
  );
  return client;
}

test('rows stay where more of them can not be loaded, which can be tried again', async () => {
  list(page('Anna', 'a'), nothing, page('Bela', null));
  fireEvent.click(await screen.findByRole('button', { name: 'Load more' }));
  expect((await screen.findByRole('alert')).textContent).toContain('The next rows could not be loaded');
  expect(screen.getByText('Anna')).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('Bela')).toBeTruthy();
  expect(screen.getByText('Anna')).toBeTruthy();
  expect(screen.queryByRole('alert')).toBeNull();
});

test('rows stay where asking for them again fails, and are said to be old', async () => {
  const client = list(page('Anna', null), nothing, page('Anne', null));
  await screen.findByText('Anna');
  await act(() => client.refetchQueries());
  expect((await screen.findByRole('alert')).textContent).toContain('may be out of date');
  expect(screen.getByText('Anna')).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('Anne')).toBeTruthy();
});

test('rows go where one may not see them any more, and where none were loaded', async () => {
  const client = list(page('Anna', null), refused);
  await screen.findByText('Anna');
  await act(() => client.refetchQueries());
  expect(await screen.findByText('Names: hidden by policy')).toBeTruthy();
  expect(screen.queryByText('Anna')).toBeNull();
  cleanup();
  list(nothing);
  expect(await screen.findByText('The server could not be reached')).toBeTruthy();
});

describe('a mutation', () => {
  const change = { id: 'sha256:2', name: 'Change' } as Document<object, { input: { name: string } }>;
  const done = () => Promise.resolve(new Response(JSON.stringify({ data: { change: {} } })));

  function form(...answers: (() => Promise<Response>)[]) {
    const fetched = vi.fn((_: RequestInfo | URL, __?: RequestInit) => (answers.shift() ?? done)());
    vi.stubGlobal('fetch', fetched);
    const { result } = renderHook(() => useTenantMutation(change, []), {
      wrapper: ({ children }: { children: ReactNode }) => (
        <QueryClientProvider client={new QueryClient()}>
          <TenantContext value={{ id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' }}>
            {children}
          </TenantContext>
        </QueryClientProvider>
      ),
    });
    const submit = async (name: string) => {
      act(() => result.current.mutate({ input: { name } }));
      await waitFor(() => expect(result.current.isPending).toBe(false));
    };
    const keys = () =>
      fetched.mock.calls.map(([, init]) => new Headers(init?.headers).get('Idempotency-Key'));
    const tenants = () =>
      fetched.mock.calls.map(([, init]) => new Headers(init?.headers).get('Countersign-Tenant'));
    return { result, submit, keys, tenants };
  }

  test('is sent once, however often its button is pressed', async () => {
    const { result, keys } = form();
    act(() => {
      result.current.mutate({ input: { name: 'Till' } });
      result.current.mutate({ input: { name: 'Till' } });
    });
    await waitFor(() => expect(result.current.isSuccess).toBe(true));
    expect(keys()).toHaveLength(1);
  });

  test('is sent again under its key until it came through, and what is changed under another', async () => {
    const { submit, keys } = form(nothing, nothing);
    await submit('Till');
    await submit('Till');
    await submit('Tills');
    await submit('Tills');
    const [first, again, changed, another] = keys();
    expect(again).toBe(first);
    expect(changed).not.toBe(first);
    expect(another).not.toBe(changed);
  });

  test('is meant for the tenant that it was filled in for, whatever the session works in', async () => {
    workIn({ id: 'ten_2', slug: 'southwind', name: 'Southwind', role: '' });
    const { submit, tenants } = form();
    await submit('Till');
    expect(tenants()).toEqual(['ten_1']);
  });

  test('that was done before is told in words for people', async () => {
    const gone = { message: 'x', extensions: { code: 'IDEMPOTENCY_RESULT_GONE' } };
    const { result, submit } = form(() =>
      Promise.resolve(new Response(JSON.stringify({ errors: [gone] }), { status: 409 })),
    );
    await submit('Till');
    expect(result.current.error?.message).toMatch(/^this was done before/);
  });
});
