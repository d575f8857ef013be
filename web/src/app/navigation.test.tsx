import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import { TenantContext } from '../lib/tenant';
import { useNavigation } from './navigation';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function navigation(verdict: 'ALLOW' | 'DENY') {
  const explain = { action: 'Query.explainAccess', verdict, rules: null };
  const ruled = (action: string) => ({ ...explain, action });
  const viewer = {
    kind: 'HUMAN',
    member: null,
    explain,
    explorer: { ...explain, verdict: 'ALLOW' },
    credentials: ruled('Query.credentials'),
  };
  const fetched = vi.fn(async () => new Response(JSON.stringify({ data: { viewer } }), { status: 200 }));
  vi.stubGlobal('fetch', fetched);
  const client = new QueryClient();
  const tenant = { id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' };
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>
      <TenantContext value={tenant}>{children}</TenantContext>
    </QueryClientProvider>
  );
  const { result } = renderHook(useNavigation, { wrapper });
  return { labels: () => result.current.items.map((item) => item.label), client, fetched };
}

test('access is for those who learn which rules decide, credentials for those who see them', async () => {
  const { labels } = navigation('ALLOW');
  expect(labels()).not.toContain('Access');
  await waitFor(() => expect(labels()).toContain('Access'));
  expect(labels()).toContain('Credentials');
});

test('who does not is shown the rest', async () => {
  const { labels, client, fetched } = navigation('DENY');
  await waitFor(() => expect(fetched).toHaveBeenCalled());
  await waitFor(() => expect(client.isFetching()).toBe(0));
  expect(labels()).not.toContain('Access');
  expect(labels()).not.toContain('Credentials');
  expect(labels()).toContain('Audit log');
});
