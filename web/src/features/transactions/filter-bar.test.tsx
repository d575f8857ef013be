import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { TransactionSearch } from '../../lib/filters';
import { TenantContext } from '../../lib/tenant';
import { FilterBar } from './filter-bar';

const fetched = vi.fn<typeof fetch>();

beforeEach(() => vi.stubGlobal('fetch', fetched));
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  fetched.mockReset();
});

function bar() {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const onChange = vi.fn();
  const page = (search: TransactionSearch) => (
    <QueryClientProvider client={client}>
      <TenantContext value={{ id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' }}>
        <FilterBar search={search} onChange={onChange} />
      </TenantContext>
    </QueryClientProvider>
  );
  const { rerender } = render(page({}));
  return { onChange, arrive: (search: TransactionSearch) => rerender(page(search)) };
}

test('keys that are typed while the address is on its way are kept', () => {
  vi.useFakeTimers();
  fetched.mockReturnValue(new Promise(() => {}));
  const { onChange, arrive } = bar();
  const field = screen.getByLabelText<HTMLInputElement>('Text');
  const type = (value: string) => fireEvent.change(field, { target: { value } });
  type('re');
  act(() => vi.advanceTimersByTime(300));
  expect(onChange).toHaveBeenLastCalledWith({ text: 're' });
  expect(field.value).toBe('re');
  type('rent');
  arrive({ text: 're' });
  expect(field.value).toBe('rent');
  act(() => vi.advanceTimersByTime(300));
  expect(onChange).toHaveBeenLastCalledWith({ text: 'rent' });
  arrive({ text: 'rent' });
  // From elsewhere, as by the way back, it is followed.
  arrive({});
  expect(field.value).toBe('');
  act(() => vi.advanceTimersByTime(1_000));
  expect(onChange).toHaveBeenCalledTimes(2);
});

test('choices that could not be loaded are said to be missing, and can be asked for again', async () => {
  const answers = {
    failed: {
      data: { accounts: null, categories: null },
      errors: [{ message: 'no room', path: ['accounts'] }],
    },
    there: {
      data: {
        accounts: { nodes: [{ id: 'acc_1', name: 'Till', currency: 'EUR' }] },
        categories: { nodes: [] },
      },
    },
  };
  let answer: object = answers.failed;
  fetched.mockImplementation(async () => new Response(JSON.stringify(answer)));
  bar();
  const faults = await screen.findAllByRole('alert');
  expect(faults.map((one) => one.textContent)).toEqual([
    'Accounts could not be loaded. No room.',
    'Categories could not be loaded. No room.',
  ]);
  answer = answers.there;
  for (const again of screen.getAllByRole('button', { name: 'Try again' })) fireEvent.click(again);
  expect(await screen.findByRole('option', { name: 'Till' })).toBeTruthy();
  expect(screen.queryByRole('alert')).toBeNull();
});
