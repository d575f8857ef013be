/**
 * The bytes of a row that are hashed, as `domain/src/audit/encoding.rs` writes them. The vectors that the
 * tests read are written by that code.
 */

/** What a row says, with its place in the chain. Hashes are in lower-case hexadecimal. */
export interface ChainRow {
  readonly id: string;
  readonly seq: number;
  readonly encoding: number;
  readonly occurredAt: string;
  readonly actorKind: string;
  readonly actorId: string;
  readonly action: string;
  readonly permission: string;
  readonly policies: string | null;
  readonly outcome: string;
  readonly targets: readonly string[];
  readonly requestId: string;
  readonly source: string | null;
  readonly payload: string;
  readonly hash: string;
  readonly previousHash: string;
}

/** The row is of no form that has bytes: something of it is missing, or its encoding is not known here. */
export class UnreadableRow extends Error {
  override readonly name = 'UnreadableRow';
}

const utf8 = new TextEncoder();

/** The bytes that are hashed. `tenant` is the id of the chain's tenant. */
export function encode(tenant: string, row: ChainRow): Uint8Array<ArrayBuffer> {
  switch (row.encoding) {
    case 1:
      return first(tenant, row);
    case 2:
      return second(tenant, row);
    default:
      throw new UnreadableRow(`encoding ${row.encoding} is not known`);
  }
}

/** Every part behind its length in eight bytes; neither the row's id nor the policies are in it. */
function first(tenant: string, row: ChainRow): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const part = (bytes: Uint8Array) => parts.push(number64(BigInt(bytes.length)), bytes);
  const text = (value: string) => part(utf8.encode(value));
  text('countersign-audit-v1');
  part(number64(BigInt(row.seq)));
  part(hex(row.previousHash, 32));
  part(idBytes(tenant));
  text(row.actorKind);
  text(row.actorId);
  text(row.action);
  text(row.permission);
  text(row.outcome);
  part(number64(BigInt(row.targets.length)));
  for (const target of row.targets) text(target);
  part(idBytes(row.requestId));
  part(presence(row.source));
  text(row.source ?? '');
  text(row.payload);
  part(number64(micros(row.occurredAt)));
  return joined(parts);
}

/**
 * What has a fixed width first, then every text behind its length in four bytes. What may be absent has a
 * byte before it, 0 or 1, and nothing after a 0.
 */
function second(tenant: string, row: ChainRow): Uint8Array<ArrayBuffer> {
  const text = (value: string) => {
    const bytes = utf8.encode(value);
    return [number32(bytes.length), bytes];
  };
  return joined([
    utf8.encode('countersign-audit-v2'),
    number64(BigInt(row.seq)),
    hex(row.previousHash, 32),
    idBytes(tenant),
    idBytes(row.id),
    idBytes(row.requestId),
    number64(micros(row.occurredAt)),
    presence(row.policies),
    ...(row.policies === null ? [] : [hex(row.policies, 32)]),
    ...text(row.actorKind),
    ...text(row.actorId),
    ...text(row.action),
    ...text(row.permission),
    ...text(row.outcome),
    ...text(row.payload),
    presence(row.source),
    ...(row.source === null ? [] : text(row.source)),
    number32(row.targets.length),
    ...row.targets.flatMap(text),
  ]);
}

function presence(value: string | null): Uint8Array {
  return Uint8Array.of(value === null ? 0 : 1);
}

function number32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function number64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
}

/** Microseconds since 1970, of which a date of the browser keeps only milliseconds. */
function micros(instant: string): bigint {
  const parts = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\.(\d{6})Z$/.exec(instant);
  const seconds = parts ? Date.parse(`${parts[1]}Z`) : Number.NaN;
  if (Number.isNaN(seconds)) throw new UnreadableRow('it has no instant');
  return BigInt(seconds) * 1000n + BigInt(parts?.[2] ?? 0);
}

/** The sixteen bytes of an id, which is written as a word and 32 digits. */
function idBytes(id: string): Uint8Array {
  return hex(/^[a-z]+_([0-9a-f]{32})$/.exec(id)?.[1] ?? '', 16);
}

/** Reads hexadecimal of that many bytes. */
export function hex(text: string, length: number): Uint8Array<ArrayBuffer> {
  if (text.length !== length * 2 || !/^[0-9a-f]*$/.test(text)) {
    throw new UnreadableRow(`it has no ${length} bytes where they belong`);
  }
  return Uint8Array.from({ length }, (_, n) => Number.parseInt(text.slice(n * 2, n * 2 + 2), 16));
}

/** Writes hexadecimal in lower case. */
export function toHex(bytes: ArrayBuffer | Uint8Array): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** One after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** SHA-256 by the browser itself. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}
