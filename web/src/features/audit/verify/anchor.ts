import type { ChainRow } from './encoding';
import { isIncluded, leafOf } from './merkle';
import { readCheckpoint, readKey, verifyNote } from './note';

/** What a row is compared with: a signed checkpoint, the key, and the proof that the row is in it. */
export interface Anchor {
  readonly key: string;
  readonly note: string;
  readonly hashes: readonly string[];
}

/** What comes of it. */
export type AnchorVerdict =
  /** The row is in what was signed. */
  | 'ANCHORED'
  /** The checkpoint is not signed with the key, or is of another log. */
  | 'NOT_SIGNED'
  /** The row is not in it. */
  | 'NOT_INCLUDED'
  /** The row is in it; this browser can not verify Ed25519. */
  | 'NOT_SUPPORTED';

/** Whether a row is in a checkpoint that the key signed. */
export async function checkAnchor(
  row: Pick<ChainRow, 'seq' | 'hash'>,
  anchor: Anchor,
): Promise<AnchorVerdict> {
  const key = await readKey(anchor.key);
  const said = readCheckpoint(anchor.note);
  if (!key || !said || said.origin !== key.name) return 'NOT_SIGNED';
  const verdict = await verifyNote(key, anchor.note);
  if (verdict === 'NOT_SIGNED') return 'NOT_SIGNED';
  const leaf = await leafOf(row.hash);
  const isIn = await isIncluded(leaf, row.seq - 1, said.size, anchor.hashes, said.root);
  if (!isIn) return 'NOT_INCLUDED';
  return verdict === 'SIGNED' ? 'ANCHORED' : 'NOT_SUPPORTED';
}
