import { expect, test } from 'vitest';
import { countRows, firstFault, meantRange, rowStates, segments, type Verification } from './segments';

const good = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => ({ seq: from + n, fault: null }));
const states = (verification: Verification) => [...rowStates(verification).values()].join(' ');

test('what goes on to a signed row is anchored, and what is newer only verified', () => {
  const range = { from: 3, to: 7 };
  expect(states({ range, checked: good(3, 7), anchored: 5 })).toBe(
    'ANCHORED ANCHORED ANCHORED VERIFIED VERIFIED',
  );
  expect(states({ range, checked: good(3, 7), anchored: null })).toBe(
    'VERIFIED VERIFIED VERIFIED VERIFIED VERIFIED',
  );
});

test('a broken row ends what is anchored, and one that was not told of is broken', () => {
  const range = { from: 1, to: 5 };
  const checked = [...good(1, 1), { seq: 2, fault: 'CHANGED' as const }, ...good(3, 4)];
  expect(states({ range, checked, anchored: 4 })).toBe('VERIFIED BROKEN ANCHORED ANCHORED BROKEN');
  expect(firstFault(checked)?.seq).toBe(2);
  expect(firstFault(good(1, 3))).toBeNull();
});

test('many rows share segments, and one bad row shows', () => {
  const range = { from: 1, to: 250 };
  const checked = good(1, 250).map((row) => (row.seq === 77 ? { ...row, fault: 'CHANGED' as const } : row));
  const found = segments(range, rowStates({ range, checked, anchored: null }), 100);
  expect(found).toHaveLength(84);
  expect(found.filter((one) => one.state === 'BROKEN')).toEqual([{ from: 76, to: 78, state: 'BROKEN' }]);
  expect(found.at(-1)).toEqual({ from: 250, to: 250, state: 'VERIFIED' });
  expect(segments({ from: 4, to: 5 }, null, 100).map((one) => one.state)).toEqual(['UNCHECKED', 'UNCHECKED']);
});

test('the legend counts rows, also where a segment stands for several', () => {
  const range = { from: 1, to: 250 };
  const checked = good(1, 250).map((row) => (row.seq === 77 ? { ...row, fault: 'CHANGED' as const } : row));
  const counts = countRows(range, rowStates({ range, checked, anchored: 200 }));
  expect(counts.get('BROKEN')).toBe(1);
  expect(counts.get('ANCHORED')).toBe(123);
  expect(counts.get('VERIFIED')).toBe(126);
  expect(countRows(range, null)).toEqual(new Map([['UNCHECKED', 250]]));
});

test('a range ends where the log ends: no row after its head is missing', () => {
  expect(meantRange(1, 40, 1_000)).toEqual({ from: 1, to: 40 });
  expect(meantRange(990, 1_050, 1_000)).toEqual({ from: 990, to: 1_000 });
  expect(meantRange(1, 9_999, 1_000)).toEqual({ from: 1, to: 1_000 });
  expect(meantRange(1_001, 1_050, 1_000)).toBeNull();
  expect(meantRange(1, 2_001, 5_000)).toBeNull();
  expect(meantRange(0, 5, 10)).toBeNull();
  expect(meantRange(5, 4, 10)).toBeNull();
});
