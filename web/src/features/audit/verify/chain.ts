import { type ChainRow, encode, sha256, toHex, UnreadableRow } from './encoding';

/** What is wrong with a row. */
export type RowFault =
  /** It does not say what was hashed. */
  | 'CHANGED'
  /** It does not go on from the row before it. */
  | 'UNLINKED'
  /** It is not there. */
  | 'MISSING'
  /** It stands where another belongs. */
  | 'MISPLACED'
  /** It is of no form that could be checked. */
  | 'UNREADABLE';

/** A row that was checked. */
export interface CheckedRow {
  readonly seq: number;
  readonly fault: RowFault | null;
}

/** What comes before the first row of a chain. */
export const GENESIS = '0'.repeat(64);

/** Whether a row says what was hashed: its hash is computed anew from all that it says. */
export async function isWhatWasHashed(tenant: string, row: ChainRow): Promise<boolean> {
  return toHex(await sha256(encode(tenant, row))) === row.hash;
}

/** The numbers of the rows that are to be there. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Checks rows in their order, oldest first: that every row of the range is there, says what was hashed, and
 * goes on from the one before. What stands before the first of them is not known here, but for row 1, before
 * which there is nothing.
 */
export async function checkChain(
  tenant: string,
  { from, to }: Range,
  rows: readonly ChainRow[],
): Promise<CheckedRow[]> {
  const checked: CheckedRow[] = [];
  let expected = from;
  let before: string | null = from === 1 ? GENESIS : null;
  for (const row of rows) {
    if (row.seq < expected || row.seq > to) {
      checked.push({ seq: row.seq, fault: 'MISPLACED' });
      continue;
    }
    if (row.seq > expected) {
      checked.push({ seq: expected, fault: 'MISSING' });
      before = null;
    }
    checked.push({ seq: row.seq, fault: await faultOf(tenant, row, before) });
    expected = row.seq + 1;
    before = row.hash;
  }
  if (expected <= to) checked.push({ seq: expected, fault: 'MISSING' });
  return checked;
}

async function faultOf(tenant: string, row: ChainRow, before: string | null): Promise<RowFault | null> {
  if (before !== null && row.previousHash !== before) return 'UNLINKED';
  try {
    return (await isWhatWasHashed(tenant, row)) ? null : 'CHANGED';
  } catch (error) {
    if (error instanceof UnreadableRow) return 'UNREADABLE';
    throw error;
  }
}
