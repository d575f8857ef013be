import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import type { DateTime } from '../../graphql/scalars';
import { TenantContext } from '../../lib/tenant';
import { ChainStrip } from './chain-strip';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test('a range beyond the head of the log is cut there, and the strip says so', () => {
  vi.stubGlobal(
    'fetch',
    vi.fn(() => new Promise(() => {})),
  );
  const onVerify = vi.fn();
  render(
    <QueryClientProvider client={new QueryClient()}>
      <TenantContext value={{ id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' }}>
        <ChainStrip
          shown={{ from: 951, to: 1_000 }}
          newest={{ seq: 1_000, hash: 'a'.repeat(64), occurredAt: '2026-11-30T12:00:00Z' as DateTime }}
          state={{ status: 'IDLE' }}
          onVerify={onVerify}
          onOpen={vi.fn()}
        />
      </TenantContext>
    </QueryClientProvider>,
  );
  expect(screen.queryByText(/The log ends with/)).toBeNull();
  const last = screen.getByLabelText<HTMLInputElement>('Last row');
  fireEvent.change(last, { target: { value: '1050' } });
  expect(screen.getByText(/The log ends with row 1000\./)).toBeTruthy();
  expect(screen.getByRole('img', { name: 'Rows 951 to 1000: 50 not checked' })).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Verify in this browser' }));
  expect(onVerify).toHaveBeenCalledExactlyOnceWith({ from: 951, to: 1_000 });
  expect(last.value).toBe('1000');
  expect(screen.getByText(/The log ends with row 1000\./)).toBeTruthy();
});
