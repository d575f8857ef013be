import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { TenantContext } from '../../lib/tenant';
import { RemoveMemberDialog } from './remove-member-dialog';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(preview: object) {
  const answer = { data: { previewRemoveMember: preview } };
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => new Response(JSON.stringify(answer))),
  );
  render(
    <QueryClientProvider client={new QueryClient()}>
      <TenantContext value={{ id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' }}>
        <RemoveMemberDialog member={{ id: 'mbr_1', name: 'Adam' }} isMe={false} onClose={() => {}} />
      </TenantContext>
    </QueryClientProvider>,
  );
}

const button = () => screen.getByRole<HTMLButtonElement>('button', { name: 'Remove member' });

test('the tokens that end with a member are named before they are removed', async () => {
  const tokens = [
    { id: 'tok_1', name: 'Reports', lastFour: 'a1b2' },
    { id: 'tok_2', name: 'Payroll', lastFour: 'c3d4' },
  ];
  show({ tokens, refusals: [] });
  await screen.findByText('cst_…c3d4');
  expect(screen.getByRole('dialog').textContent).toContain('Reports cst_…a1b2, Payroll cst_…c3d4');
  expect(button().disabled).toBe(false);
});

test('who may not be removed is told so before it is tried', async () => {
  const message = 'only an owner changes or removes an owner: ask one of them';
  show({ tokens: [], refusals: [{ code: 'OWNERS_ONLY', message, field: ['input', 'memberId'] }] });
  expect((await screen.findByRole('alert')).textContent).toContain(
    'nly an owner changes or removes an owner',
  );
  expect(button().disabled).toBe(true);
});
