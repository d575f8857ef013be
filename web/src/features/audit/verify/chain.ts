import { type ChainRow, encode, sha256, toHex, UnreadableRow } from './encoding';

/** What is wrong with a row. */
export type RowFault =
  /** It does not say what was hashed. */
  | 'CHANGED'
  /** It does not go on from the row before it. */
  | 'UNLINKED'
  /** A row before it is missing, or stands twice. */
  | 'GAP'
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

/**
 * Checks rows in their order, oldest first: that each says what was hashed, and goes on from the one before.
 * `first` is the number that the first of them must have. What stands before it is not known here, but for
 * row 1, before which there is nothing.
 */
export async function checkChain(
  tenant: string,
  first: number,
  rows: readonly ChainRow[],
): Promise<CheckedRow[]> {
  const checked: CheckedRow[] = [];
  let expected = first;
  let before: string | null = first === 1 ? GENESIS : null;
  for (const row of rows) {
    checked.push({ seq: row.seq, fault: await faultOf(tenant, row, expected, before) });
    expected = row.seq + 1;
    before = row.hash;
  }
  return checked;
}

async function faultOf(
  tenant: string,
  row: ChainRow,
  expected: number,
  before: string | null,
): Promise<RowFault | null> {
  if (row.seq !== expected) return 'GAP';
  if (before !== null && row.previousHash !== before) return 'UNLINKED';
  try {
    return (await isWhatWasHashed(tenant, row)) ? null : 'CHANGED';
  } catch (error) {
    if (error instanceof UnreadableRow) return 'UNREADABLE';
    throw error;
  }
}
