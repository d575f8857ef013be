import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import { TenantContext, tenantKey } from '../../lib/tenant';
import { useCategorize } from './use-categorize';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test('every list is asked for again when it is seen next, and none at once', async () => {
  const answer = { data: { categorizeTransaction: { userErrors: [] } } };
  const fetched = vi.fn(async () => new Response(JSON.stringify(answer)));
  vi.stubGlobal('fetch', fetched);
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: 60_000 } } });
  const list = (of: string) => [...tenantKey, 'northwind', 'Transactions', { of }];
  for (const of of ['all', 'uncategorized']) {
    client.setQueryData(list(of), { pages: [], pageParams: [] });
  }
  const { result } = renderHook(useCategorize, {
    wrapper: ({ children }: { children: ReactNode }) => (
      <QueryClientProvider client={client}>
        <TenantContext value={{ id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' }}>
          {children}
        </TenantContext>
      </QueryClientProvider>
    ),
  });
  result.current('txn_1', null, { id: 'cat_1', name: 'Rent' });
  await waitFor(() => expect(client.getQueryState(list('uncategorized'))?.isInvalidated).toBe(true));
  expect(client.getQueryState(list('all'))?.isInvalidated).toBe(true);
  expect(fetched).toHaveBeenCalledOnce();
});
