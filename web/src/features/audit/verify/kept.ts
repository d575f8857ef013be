import { goesOn } from './merkle';
import { type Checkpoint, type NoteVerdict, readCheckpoint, readKey, verifyNote } from './note';

/** How the log of today stands to a checkpoint that somebody kept. */
export type KeptVerdict =
  /** It goes on where that one ended. */
  | 'GOES_ON'
  /** It does not: rows before it are others, or fewer. */
  | 'REWRITTEN'
  /** It has fewer rows than that one. */
  | 'CUT'
  /** What was given is no checkpoint, or is not signed with the log's key, or is of another log. */
  | 'NOT_OURS'
  /** What the server says today is not signed with the log's key. */
  | 'NOT_SIGNED'
  /** This browser can not verify Ed25519. */
  | 'NOT_SUPPORTED';

/** Reads a note that is to be a checkpoint of the log that the key speaks for. */
async function signed(keyText: string, note: string): Promise<readonly [NoteVerdict, Checkpoint | null]> {
  const key = await readKey(keyText);
  const said = readCheckpoint(note);
  if (!key || !said || said.origin !== key.name) return ['NOT_SIGNED', null];
  return [await verifyNote(key, note), said];
}

/**
 * Compares a checkpoint that was kept with the newest that the server has. `prove` gives the proof that a log
 * of so many rows goes on from one of so many, or nothing where the server has none.
 */
export async function compareKept(
  key: string,
  kept: string,
  newest: string,
  prove: (from: number, to: number) => Promise<readonly string[] | null>,
): Promise<readonly [KeptVerdict, Checkpoint | null]> {
  const [verdict, before] = await signed(key, kept);
  if (verdict === 'NOT_SUPPORTED') return ['NOT_SUPPORTED', before];
  if (verdict !== 'SIGNED' || !before) return ['NOT_OURS', null];
  const [today, after] = await signed(key, newest);
  if (today !== 'SIGNED' || !after) return ['NOT_SIGNED', before];
  if (before.size > after.size) return ['CUT', before];
  const proof = await prove(before.size, after.size);
  const isSame = proof !== null && (await goesOn(before, after, proof));
  return [isSame ? 'GOES_ON' : 'REWRITTEN', before];
}
