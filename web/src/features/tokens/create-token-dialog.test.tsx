import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { TenantContext } from '../../lib/tenant';
import { CreateTokenDialog } from './create-token-dialog';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test('the dialog stays while the request is sent: the token is shown once', async () => {
  let answer = (_: Response) => {};
  vi.stubGlobal(
    'fetch',
    vi.fn(
      () =>
        new Promise<Response>((resolve) => {
          answer = resolve;
        }),
    ),
  );
  const onClose = vi.fn();
  const onCreated = vi.fn();
  render(
    <QueryClientProvider client={new QueryClient()}>
      <TenantContext value={{ id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' }}>
        <CreateTokenDialog onClose={onClose} onCreated={onCreated} />
      </TenantContext>
    </QueryClientProvider>,
  );
  fireEvent.change(screen.getByRole('textbox', { name: 'Name' }), { target: { value: 'Reports' } });
  fireEvent.click(screen.getByRole('button', { name: 'Create token' }));
  const cancel = screen.getByRole('button', { name: 'Cancel' });
  await waitFor(() => expect(cancel.getAttribute('aria-disabled')).toBe('true'));
  fireEvent.click(cancel);
  fireEvent.click(screen.getByRole('button', { name: 'Close' }));
  fireEvent.keyDown(screen.getByRole('dialog'), { key: 'Escape' });
  expect(onClose).not.toHaveBeenCalled();

  const created = { apiToken: { name: 'Reports' }, plainToken: 'cst_secret', userErrors: [] };
  answer(new Response(JSON.stringify({ data: { createApiToken: created } }), { status: 200 }));
  await waitFor(() => expect(onCreated).toHaveBeenCalledWith({ name: 'Reports', plainToken: 'cst_secret' }));
  await waitFor(() => expect(cancel.getAttribute('aria-disabled')).toBe('false'));
  fireEvent.click(cancel);
  expect(onClose).toHaveBeenCalledOnce();
});
