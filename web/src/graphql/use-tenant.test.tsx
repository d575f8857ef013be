import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { TenantContext } from '../lib/tenant';
import { ErrorPanel, LoadMore } from '../ui/panels';
import type { Document } from './document';
import { absence, type Connection, useTenantList } from './use-tenant';

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
