import { expect, test } from 'vitest';
import { readDecisions } from './decision';

test('a permission says of each action how it was decided, and by which rules', () => {
  const text =
    'Query.accounts by human.basic; Query.transactions by row of human.basic, human.personal-hidden; ' +
    'Query.auditEntries refused by no-permit(human.audit, machine.audit); Mutation.removeMember refused by worker.never-administers';
  expect(readDecisions(text)).toEqual([
    { subject: 'Query.accounts', verdict: 'PERMITTED', rules: ['human.basic'], isForWant: false },
    {
      subject: 'Query.transactions',
      verdict: 'BY_ROW',
      rules: ['human.basic', 'human.personal-hidden'],
      isForWant: false,
    },
    {
      subject: 'Query.auditEntries',
      verdict: 'REFUSED',
      rules: ['human.audit', 'machine.audit'],
      isForWant: true,
    },
    {
      subject: 'Mutation.removeMember',
      verdict: 'REFUSED',
      rules: ['worker.never-administers'],
      isForWant: false,
    },
  ]);
});

test('what no policy decides stands as it is', () => {
  expect(readDecisions('sign-in')).toEqual([
    { subject: 'sign-in', verdict: 'NOT_BY_POLICY', rules: [], isForWant: false },
  ]);
  expect(readDecisions('')).toEqual([]);
});
