import { joined, sha256, toHex } from './encoding';

/** A public key of Ed25519 under the name that notes are signed by (C2SP signed-note). */
export interface VerifierKey {
  readonly name: string;
  readonly id: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What is said of a log when it had so many rows (C2SP tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
}

/** How a note stands to a key. */
export type NoteVerdict = 'SIGNED' | 'NOT_SIGNED' | 'NOT_SUPPORTED';

const ED25519 = 1;
const DASH = '\u2014 ';
const utf8 = new TextEncoder();

function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Reads `<name>+<id>+<base64>`, whose id must be that of its key. */
export async function readKey(text: string): Promise<VerifierKey | null> {
  const [name = '', id = '', ...rest] = text.trim().split('+');
  const key = fromBase64(rest.join('+'));
  if (name === '' || /\s/.test(name) || key?.length !== 33 || key[0] !== ED25519) return null;
  const digest = await sha256(joined([utf8.encode(`${name}\n`), key]));
  return toHex(digest.slice(0, 4)) === id ? { name, id, bytes: key.slice(1) } : null;
}

/** The text of a note, and what was signed under the key's name and id. */
function opened(key: VerifierKey, note: string): { text: string; signature: Uint8Array<ArrayBuffer> } | null {
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || !note.endsWith('\n')) return null;
  const prefix = `${DASH}${key.name} `;
  for (const line of note.slice(end + 2, -1).split('\n')) {
    const bytes = line.startsWith(prefix) ? fromBase64(line.slice(prefix.length)) : null;
    if (bytes?.length === 68 && toHex(bytes.slice(0, 4)) === key.id) {
      return { text: note.slice(0, end + 1), signature: bytes.slice(4) };
    }
  }
  return null;
}

/** Whether the note was signed with the key, as far as this browser can tell. */
export async function verifyNote(key: VerifierKey, note: string): Promise<NoteVerdict> {
  const found = opened(key, note);
  if (!found) return 'NOT_SIGNED';
  try {
    const imported = await crypto.subtle.importKey('raw', key.bytes, { name: 'Ed25519' }, false, ['verify']);
    const text = utf8.encode(found.text);
    const isSigned = await crypto.subtle.verify('Ed25519', imported, found.signature, text);
    return isSigned ? 'SIGNED' : 'NOT_SIGNED';
  } catch {
    return 'NOT_SUPPORTED';
  }
}

/** What a note says, if it is a checkpoint. */
export function readCheckpoint(note: string): Checkpoint | null {
  const [origin = '', size = '', root = ''] = note.split('\n');
  const bytes = fromBase64(root);
  if (origin === '' || !/^(0|[1-9]\d*)$/.test(size) || bytes?.length !== 32) return null;
  return { origin, size: Number(size), root: toHex(bytes) };
}
