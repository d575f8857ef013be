import { describe, expect, test } from 'vitest';
import {
  auditFilter,
  isFiltered,
  readAuditSearch,
  readTransactionSearch,
  transactionFilter,
} from './filters';

describe('the filters of the transactions', () => {
  test('are read from the address and become the filter of the query', () => {
    const search = readTransactionSearch({
      account: 'acc_1',
      from: '2026-01-01',
      magnitude: 'LARGE',
      direction: 'OUT',
      text: 'rent',
    });
    expect(transactionFilter(search)).toEqual({
      accountId: 'acc_1',
      from: '2026-01-01',
      magnitude: 'LARGE',
      direction: 'OUT',
      text: 'rent',
    });
  });

  test('leave out what is not understood', () => {
    const search = readTransactionSearch({
      from: '31.01.2026',
      to: '2026-13-41',
      magnitude: 'HUGE',
      direction: 7,
      text: '  ',
      nonsense: 1,
    });
    expect(search).toEqual({});
  });

  test('cut a text at what the server takes', () => {
    expect(readTransactionSearch({ text: 'x'.repeat(300) }).text).toHaveLength(100);
  });

  test('leave out days that no calendar has, and years that are half typed', () => {
    expect(readTransactionSearch({ from: '2026-02-31', to: '0202-03-05' })).toEqual({});
    expect(readAuditSearch({ from: '2026-04-31', to: '1899-12-31' })).toEqual({});
    expect(readTransactionSearch({ from: '2024-02-29', to: '1900-01-01' })).toEqual({
      from: '2024-02-29',
      to: '1900-01-01',
    });
  });

  test('know no category and uncategorized at once', () => {
    expect(readTransactionSearch({ category: 'cat_1', uncategorized: true })).toEqual({
      uncategorized: true,
    });
  });

  test('take a text of digits, which the address parses as a number', () => {
    expect(readTransactionSearch({ text: 2026 })).toEqual({ text: '2026' });
  });

  test('are not set by an open row', () => {
    expect(isFiltered(readTransactionSearch({ open: 'txn_1' }))).toBe(false);
    expect(isFiltered(readTransactionSearch({ text: 'a' }))).toBe(true);
  });
});

describe('the filters of the audit log', () => {
  test('are not set by an open entry, which is named by its number', () => {
    expect(readAuditSearch({ open: '12', outcome: 'REFUSED' })).toEqual({ open: 12, outcome: 'REFUSED' });
    expect(isFiltered(readAuditSearch({ open: 12 }))).toBe(false);
    expect(auditFilter(readAuditSearch({ open: 12 }))).toEqual({});
    for (const open of ['0', '-1', '1.5', 'aud_1', true, null, ['1', '2']]) {
      expect(readAuditSearch({ open })).toEqual({});
    }
  });

  test('span whole days of the reader', () => {
    const filter = auditFilter(readAuditSearch({ from: '2026-03-01', to: '2026-03-01' }));
    const length = Date.parse(filter.to ?? '') - Date.parse(filter.from ?? '');
    expect(length).toBe(86_400_000);
    expect(filter.from).toMatch(/Z$/);
  });
});
