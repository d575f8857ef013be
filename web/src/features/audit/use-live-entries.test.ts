import { expect, test } from 'vitest';
import { withEntry } from './use-live-entries';

const entry = (seq: string) => ({ seq }) as unknown as Parameters<typeof withEntry>[1];

test('an entry is put on top once, and the oldest leaves when there are too many', () => {
  const two = withEntry(withEntry([], entry('1')), entry('2'));
  expect(two.map((one) => one.seq)).toEqual(['2', '1']);
  expect(withEntry(two, entry('1'))).toBe(two);
  let many = two;
  for (let seq = 3; seq <= 501; seq += 1) many = withEntry(many, entry(String(seq)));
  expect(many).toHaveLength(500);
  expect(many.at(-1)?.seq).toBe('2');
});
