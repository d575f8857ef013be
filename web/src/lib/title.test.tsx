import { cleanup, render } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import { PageHeader } from '../ui/panels';
import { TenantContext } from './tenant';

afterEach(cleanup);

test('each page names itself and its tenant, and follows both', () => {
  const page = (title: string, name: string) => (
    <TenantContext value={{ id: 'ten_1', slug: 'lumen', name, role: '' }}>
      <PageHeader title={title} />
    </TenantContext>
  );
  const { rerender } = render(page('Transactions', 'Lumen'));
  expect(document.title).toBe('Transactions – Lumen – Countersign');
  rerender(page('Accounts', 'Northwind'));
  expect(document.title).toBe('Accounts – Northwind – Countersign');
});
