import { expect, test } from 'vitest';
import { byType, deed, ordered } from './names';

test('an action is said as what one does', () => {
  expect(deed('Transaction.amount', true)).toBe('see the amount of this transaction');
  expect(deed('Account.balanceOn', false)).toBe('see the balance on of an account');
  expect(deed('ApiToken.lastFour', false)).toBe('see the last four of an API token');
  expect(deed('Mutation.categorizeTransaction', true)).toBe('categorize transaction');
  expect(deed('Query.auditEntries', false)).toBe('ask for audit entries');
});

test('what is asked of policies themselves comes last', () => {
  const groups = ['explain', 'read.basic', 'explore', 'admin.token'].map((group) => ({ group }));
  expect(ordered(groups).map(({ group }) => group)).toEqual([
    'read.basic',
    'admin.token',
    'explain',
    'explore',
  ]);
});

test('actions stand together with those of their type', () => {
  const actions = ['Account.id', 'Transaction.id', 'Account.name'].map((action) => ({ action }));
  const names = byType(actions).map(([type, of]) => [type, of.map((one) => one.action)]);
  expect(names).toEqual([
    ['Account', ['Account.id', 'Account.name']],
    ['Transaction', ['Transaction.id']],
  ]);
});
