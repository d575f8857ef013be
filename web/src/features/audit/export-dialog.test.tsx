import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TenantContext } from '../../lib/tenant';
import { ExportDialog } from './export-dialog';

const fetched = vi.fn<typeof fetch>();
const answer = (body: object, status = 200) =>
  Promise.resolve(new Response(JSON.stringify(body), { status }));

beforeEach(() => vi.stubGlobal('fetch', fetched));
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  fetched.mockReset();
});

function dialog() {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <TenantContext value={{ id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' }}>
        <ExportDialog search={{}} onClose={vi.fn()} />
      </TenantContext>
    </QueryClientProvider>,
  );
}

const allowed = {
  data: { explainAccess: { decision: 'ALLOWED', principal: { secondFactor: true }, rules: [] } },
};
const submit = () => screen.queryByRole('button', { name: 'Export' });

test('nothing can be exported before it is known that one may', async () => {
  fetched.mockImplementationOnce(() => answer({}, 503));
  fetched.mockImplementationOnce(() =>
    answer({ data: { explainAccess: null }, errors: [{ message: 'no room', path: ['explainAccess'] }] }),
  );
  fetched.mockImplementationOnce(() => answer(allowed));
  dialog();
  const again = async () => fireEvent.click(await screen.findByRole('button', { name: 'Try again' }));
  await again();
  expect(await screen.findByText('No room.')).toBeTruthy();
  expect(submit()).toBeNull();
  await again();
  expect(await screen.findByRole('button', { name: 'Export' })).toBeTruthy();
});

test('who may not know whether they may export, may not', async () => {
  const error = { message: 'no', path: ['explainAccess'], extensions: { code: 'FORBIDDEN' } };
  fetched.mockImplementation(() => answer({ data: { explainAccess: null }, errors: [error] }));
  dialog();
  expect(await screen.findByText('Your right to export: hidden by policy')).toBeTruthy();
  expect(submit()).toBeNull();
});

test('a button that is pressed twice exports once', async () => {
  fetched.mockImplementationOnce(() => answer(allowed));
  fetched.mockImplementation(() => new Promise(() => {}));
  dialog();
  const button = await screen.findByRole('button', { name: 'Export' });
  fireEvent.click(button);
  fireEvent.click(button);
  const exports = () => fetched.mock.calls.filter(([path]) => path !== '/graphql');
  await waitFor(() => expect(exports()).not.toHaveLength(0));
  await new Promise((resolve) => setTimeout(resolve));
  expect(exports()).toHaveLength(1);
});
