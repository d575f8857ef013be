import { cleanup, render, screen } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import type { DateTime } from '../../graphql/scalars';
import { TenantContext } from '../../lib/tenant';
import { type ImportPayload, ImportResult } from './import-result';

vi.mock('@tanstack/react-router', () => ({
  Link: ({ children }: { children: ReactNode }) => <a href="/">{children}</a>,
}));

afterEach(cleanup);

function result(alreadyImported: boolean) {
  const payload = {
    alreadyImported,
    statements: [],
    userErrors: [],
    import: {
      id: 'imp_1',
      fileName: 'march.xml',
      format: 'CAMT_053',
      sha256: 'a'.repeat(64),
      byteCount: 1,
      statementCount: 1,
      addedCount: 2,
      duplicateCount: 0,
      createdAt: '2026-11-30T12:00:00Z' as DateTime,
    },
  } as unknown as ImportPayload;
  render(
    <TenantContext value={{ id: 'ten_1', slug: 'northwind', name: 'Northwind', role: '' }}>
      <ImportResult payload={payload} redactions={new Map()} />
    </TenantContext>,
  );
}

test('an import says what it brought', () => {
  result(false);
  expect(screen.getByText('New transactions')).toBeTruthy();
});

test('a file that was imported before brought nothing, and no figure says otherwise', () => {
  result(true);
  expect(screen.getByText(/Nothing was changed/)).toBeTruthy();
  expect(screen.queryByText('New transactions')).toBeNull();
  expect(screen.getByText('SHA-256 of the file')).toBeTruthy();
});
