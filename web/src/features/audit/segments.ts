import type { CheckedRow, Range } from './verify/chain';

/** How a segment stands. `ANCHORED`: verified, and what goes on from it is in a signed checkpoint. */
export type SegmentState = 'UNCHECKED' | 'VERIFIED' | 'ANCHORED' | 'BROKEN';

/** One row of the strip, or a few beside each other where there are many. */
export interface Segment extends Range {
  readonly state: SegmentState;
}

/** What came of checking a range. */
export interface Verification {
  readonly range: Range;
  readonly checked: readonly CheckedRow[];
  /** The row that was proved to be in a signed checkpoint. */
  readonly anchored: number | null;
}

/** The most rows that are checked at a time. */
export const RANGE_MAX = 2_000;

/** The range that is meant: not empty, as far as the log goes, and not too long to be checked at once. */
export function meantRange(from: number, to: number, last: number): Range | null {
  const isRange = Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 1 && to >= from;
  // What comes after the last row was never written: nobody is to be told that it is missing.
  const range = { from, to: Math.min(to, last) };
  return isRange && range.to >= from && range.to - from < RANGE_MAX ? range : null;
}

/** The first row that fails. */
export function firstFault(checked: readonly CheckedRow[]): CheckedRow | null {
  return checked.find((row) => row.fault !== null) ?? null;
}

/** How each row of the range stands, by its number. A row that was not told of is broken. */
export function rowStates({ range, checked, anchored }: Verification): Map<number, SegmentState> {
  const states = new Map<number, SegmentState>();
  for (let seq = range.from; seq <= range.to; seq += 1) states.set(seq, 'BROKEN');
  for (const { seq, fault } of checked) {
    if (states.has(seq)) states.set(seq, fault === null ? 'VERIFIED' : 'BROKEN');
  }
  // Each row names the one before by its hash, so that what is signed of one holds for all that it goes on
  // from, as far as nothing is broken in between.
  for (let seq = anchored ?? 0; states.get(seq) === 'VERIFIED'; seq -= 1) states.set(seq, 'ANCHORED');
  return states;
}

/** How many rows of the range stand in each way. */
export function countRows(
  range: Range,
  states: ReadonlyMap<number, SegmentState> | null,
): Map<SegmentState, number> {
  const counts = new Map<SegmentState, number>();
  for (let seq = range.from; seq <= range.to; seq += 1) {
    const state = states?.get(seq) ?? 'UNCHECKED';
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return counts;
}

const WORST: readonly SegmentState[] = ['BROKEN', 'UNCHECKED', 'VERIFIED', 'ANCHORED'];

/** The range as segments, oldest first, up to `most`; one that stands for several rows is as its worst. */
export function segments(
  range: Range,
  states: ReadonlyMap<number, SegmentState> | null,
  most: number,
): Segment[] {
  const length = Math.max(1, Math.ceil((range.to - range.from + 1) / most));
  const found: Segment[] = [];
  for (let from = range.from; from <= range.to; from += length) {
    const to = Math.min(range.to, from + length - 1);
    let worst = WORST.length - 1;
    for (let seq = from; seq <= to; seq += 1) {
      worst = Math.min(worst, WORST.indexOf(states?.get(seq) ?? 'UNCHECKED'));
    }
    found.push({ from, to, state: WORST[worst] ?? 'UNCHECKED' });
  }
  return found;
}
