import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FILE_BYTES_MAX } from '../features/imports/read-file';
import documents from '../graphql/generated/documents.json';
import { TenantContext } from '../lib/tenant';
import { ImportPage } from './import';

const fetched = vi.fn<typeof fetch>();
const accounts = { nodes: [{ id: 'acc_1', name: 'Till', currency: 'EUR', personal: false }] };

/** What was sent of an operation. */
const sent = (name: keyof typeof documents) =>
  fetched.mock.calls.filter(([, init]) => String(init?.body).includes(documents[name].documentId));

beforeEach(() => vi.stubGlobal('fetch', fetched));
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  fetched.mockReset();
});

function page() {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <TenantContext value={{ id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' }}>
        <ImportPage />
      </TenantContext>
    </QueryClientProvider>,
  );
  const input = screen.getByLabelText('Choose a file');
  return (file: File) => fireEvent.change(input, { target: { files: [file] } });
}

test('accounts that could not be loaded are said to be missing, and can be asked for again', async () => {
  fetched.mockImplementation(async () => new Response('{}', { status: 503 }));
  const choose = page();
  choose(new File(['Date;Text;Amount\n2026-01-05;Rent;-5,00\n'], 'january.csv'));
  expect((await screen.findByRole('alert')).textContent).toContain('Accounts could not be loaded.');
  fetched.mockImplementation(async () => new Response(JSON.stringify({ data: { accounts } })));
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByRole('option', { name: 'Till (EUR)' })).toBeTruthy();
  expect(screen.queryByRole('alert')).toBeNull();
});

test('a file that is larger than what is read is told so before it is sent', async () => {
  fetched.mockImplementation(async () => new Response(JSON.stringify({ data: { accounts } })));
  const choose = page();
  const large = new File(['x'], 'decade.xml');
  Object.defineProperty(large, 'size', { value: FILE_BYTES_MAX + 1 });
  choose(large);
  expect((await screen.findByRole('alert')).textContent).toBe(
    'decade.xml is larger than the 8.4 MB that a statement may have. Ask the bank for a shorter period.',
  );
  const button = screen.getByRole<HTMLButtonElement>('button', { name: 'Import statement' });
  expect(button.disabled).toBe(true);
  choose(new File(['x'], 'january.xml'));
  await waitFor(() => expect(button.disabled).toBe(false));
  expect(screen.queryByRole('alert')).toBeNull();
  expect(sent('ImportStatement')).toEqual([]);
});

test('the most that is read is what the server says it reads', () => {
  const told = readFileSync(join(import.meta.dirname, '../../../api/errors.md'), 'utf8');
  const [, size] = told.match(/a statement file may have (\d+) MiB/) ?? [];
  expect(FILE_BYTES_MAX).toBe(Number(size) * 1024 * 1024);
});
