import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { act, cleanup, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import { TenantContext, tenantKey } from '../../lib/tenant';
import { useCategorize } from './use-categorize';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const wrapper =
  (client: QueryClient) =>
  ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>
      <TenantContext value={{ id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' }}>
        {children}
      </TenantContext>
    </QueryClientProvider>
  );

test('every list is asked for again when it is seen next, and none at once', async () => {
  const answer = { data: { categorizeTransaction: { userErrors: [] } } };
  const fetched = vi.fn(async () => new Response(JSON.stringify(answer)));
  vi.stubGlobal('fetch', fetched);
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: 60_000 } } });
  const list = (of: string) => [...tenantKey, 'northwind', 'Transactions', { of }];
  for (const of of ['all', 'uncategorized']) {
    client.setQueryData(list(of), { pages: [], pageParams: [] });
  }
  const { result } = renderHook(useCategorize, { wrapper: wrapper(client) });
  result.current('txn_1', null, { id: 'cat_1', name: 'Rent' });
  await waitFor(() => expect(client.getQueryState(list('uncategorized'))?.isInvalidated).toBe(true));
  expect(client.getQueryState(list('all'))?.isInvalidated).toBe(true);
  expect(fetched).toHaveBeenCalledOnce();
});

test('a list that is loaded for the first time meanwhile comes, as it is after the change', async () => {
  const answer = { data: { categorizeTransaction: { userErrors: [] } } };
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => new Response(JSON.stringify(answer))),
  );
  const client = new QueryClient();
  const queryKey = [...tenantKey, 'northwind', 'Transactions', { of: 'new' }];
  // The first is never answered; what is asked after the change is.
  const ask = vi.fn<() => Promise<string>>().mockReturnValueOnce(new Promise(() => {}));
  ask.mockResolvedValue('after');
  const { result } = renderHook(
    () => ({ list: useQuery({ queryKey, queryFn: ask }), categorize: useCategorize() }),
    { wrapper: wrapper(client) },
  );
  act(() => result.current.categorize('txn_1', null, { id: 'cat_1', name: 'Rent' }));
  await waitFor(() => expect(result.current.list.data).toBe('after'));
});

test('a list that is loaded for the first time does not wait for the change', async () => {
  vi.stubGlobal(
    'fetch',
    vi.fn(() => new Promise(() => {})),
  );
  const client = new QueryClient();
  const queryKey = [...tenantKey, 'northwind', 'Transactions', { of: 'new' }];
  let come = (_: string) => {};
  const queryFn = ({ signal }: { signal: AbortSignal }) =>
    new Promise<string>((resolve) => {
      come = (list) => !signal.aborted && resolve(list);
    });
  const { result } = renderHook(
    () => ({ list: useQuery({ queryKey, queryFn }), categorize: useCategorize() }),
    { wrapper: wrapper(client) },
  );
  act(() => result.current.categorize('txn_1', null, { id: 'cat_1', name: 'Rent' }));
  await act(async () => {});
  come('list');
  await waitFor(() => expect(result.current.list.data).toBe('list'));
});
