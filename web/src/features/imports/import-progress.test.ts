import { expect, test } from 'vitest';
import { progressText } from './import-progress';

test('a file is read before its transactions are counted', () => {
  const reading = { stage: 'READING', transactionCount: null, writtenCount: 0 } as const;
  expect(progressText(reading)).toBe('Reading the file');
  const writing = { stage: 'WRITING', transactionCount: 1_200, writtenCount: 800 } as const;
  expect(progressText(writing)).toMatch(/^800 of 1.200 transactions/);
});
