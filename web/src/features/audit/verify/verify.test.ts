import { expect, test } from 'vitest';
import { checkAnchor } from './anchor';
import { type CheckedRow, checkChain } from './chain';
import { type ChainRow, toHex } from './encoding';
import { compareKept } from './kept';
import { goesOn, isIncluded, leafOf } from './merkle';
import { readCheckpoint, readKey, verifyNote } from './note';
import vectors from './vectors.json';

/** The rows that the server's own code wrote, which an export names as the schema of GraphQL does not. */
const ROWS: ChainRow[] = vectors.rows.map(({ previous, ...row }) => ({ ...row, previousHash: previous }));
const TENANT = vectors.rows[0]?.tenant ?? '';
const ALL = { from: 1, to: ROWS.length };

const faults = (checked: CheckedRow[]) =>
  checked.filter((row) => row.fault !== null).map((row) => [row.seq, row.fault]);
const withRow = (seq: number, change: Partial<ChainRow>) =>
  ROWS.map((row) => (row.seq === seq ? { ...row, ...change } : row));

test('rows of both encodings verify as the server hashed them', async () => {
  expect(new Set(ROWS.map((row) => row.encoding))).toEqual(new Set([1, 2]));
  expect(await checkChain(TENANT, ALL, ROWS)).toEqual(ROWS.map(({ seq }) => ({ seq, fault: null })));
});

const CHANGES: Partial<ChainRow>[] = [
  { actorKind: 'machine' },
  { actorId: 'usr_1' },
  { action: 'books.written' },
  { permission: 'Query.accounts by human.basiC' },
  { outcome: 'FAILED' },
  { outcome: 'DONE ' },
  { targets: ['txn_1'] },
  { requestId: `req_${'0'.repeat(32)}` },
  { source: null },
  { source: 'loopback' },
  { payload: '{"fields":["accounts"],"hidden":1}' },
  { occurredAt: '2023-11-14T22:13:20.000002Z' },
  { encoding: 1 },
  { hash: '0'.repeat(64) },
  // Of the second encoding only.
  { id: `aud_${'1'.repeat(32)}` },
  { policies: null },
  { policies: '08'.repeat(32) },
];

test.each(CHANGES)('a row in which %o stands is not what was hashed', async (change) => {
  const seq = 5;
  expect(ROWS.find((row) => row.seq === seq)?.encoding).toBe(2);
  expect((await checkChain(TENANT, ALL, withRow(seq, change))).find((row) => row.fault)).toEqual({
    seq,
    fault: 'CHANGED',
  });
});

test('a row of another tenant is not what was hashed', async () => {
  const other = `ten_${'a'.repeat(32)}`;
  expect(faults(await checkChain(other, ALL, ROWS)).length).toBe(ROWS.length);
});

test('a missing row, a row that was put in, and a forged link are told apart', async () => {
  const without = ROWS.filter((row) => row.seq !== 3);
  expect(faults(await checkChain(TENANT, ALL, without))).toEqual([[3, 'MISSING']]);
  expect(faults(await checkChain(TENANT, ALL, ROWS.slice(1)))).toEqual([[1, 'MISSING']]);
  expect(faults(await checkChain(TENANT, ALL, ROWS.slice(0, -2)))).toEqual([[7, 'MISSING']]);
  expect(faults(await checkChain(TENANT, ALL, []))).toEqual([[1, 'MISSING']]);
  const twice = [...ROWS.slice(0, 2), ...ROWS.slice(1)];
  expect(faults(await checkChain(TENANT, ALL, twice))).toEqual([[2, 'MISPLACED']]);
  expect(faults(await checkChain(TENANT, { from: 1, to: 7 }, ROWS))).toEqual([[8, 'MISPLACED']]);
  expect(faults(await checkChain(TENANT, ALL, withRow(4, { previousHash: 'ab'.repeat(32) })))).toEqual([
    [4, 'UNLINKED'],
  ]);
  // Before the first row of a log there is nothing; before another one it is not known what there is.
  expect(faults(await checkChain(TENANT, ALL, withRow(1, { previousHash: 'ab'.repeat(32) })))[0]).toEqual([
    1,
    'UNLINKED',
  ]);
  expect(faults(await checkChain(TENANT, { ...ALL, from: 4 }, ROWS.slice(3)))).toEqual([]);
});

test('what has no bytes is not taken for verified', async () => {
  for (const change of [{ encoding: 3 }, { id: 'aud_1' }, { occurredAt: 'yesterday' }, { policies: 'x' }]) {
    expect(faults(await checkChain(TENANT, ALL, withRow(6, change)))).toEqual([[6, 'UNREADABLE']]);
  }
});

test('every row of every tree is in it, and no other', async () => {
  for (const tree of vectors.trees) {
    for (const { index, data, hashes } of tree.proofs) {
      const leaf = await leafOf(data);
      expect(await isIncluded(leaf, index, tree.size, hashes, tree.root)).toBe(true);
      expect(await isIncluded(leaf, index, index, hashes, tree.root)).toBe(false);
      expect(await isIncluded(await leafOf(tree.root), index, tree.size, hashes, tree.root)).toBe(false);
      expect(await isIncluded(leaf, index, tree.size, [...hashes, tree.root], tree.root)).toBe(false);
      if (hashes.length > 0) {
        expect(await isIncluded(leaf, index, tree.size, hashes.slice(1), tree.root)).toBe(false);
      }
    }
  }
});

test('a tree goes on from each smaller one, and from no other', async () => {
  const trees = new Map(vectors.trees.map(({ size, root }) => [size, { size, root }]));
  for (const later of vectors.trees) {
    for (const { from, hashes } of later.growths) {
      const earlier = trees.get(from) ?? { size: 0, root: '' };
      expect(await goesOn(earlier, later, hashes)).toBe(true);
      expect(await goesOn({ ...earlier, root: 'ab'.repeat(32) }, later, hashes)).toBe(false);
      expect(await goesOn(earlier, { ...later, root: 'ab'.repeat(32) }, hashes)).toBe(false);
      expect(await goesOn(earlier, later, [...hashes, later.root])).toBe(false);
      expect(await goesOn({ ...earlier, size: later.size + 1 }, later, hashes)).toBe(false);
    }
  }
});

/** The example of the specification of signed notes, by which its own implementation is tested. */
const KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const NOTE =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n\n" +
  '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

test('the example of the specification verifies, and nothing near it', async () => {
  const key = await readKey(KEY);
  if (!key) throw new Error('the key is read');
  expect(await verifyNote(key, NOTE)).toBe('SIGNED');
  expect(await verifyNote(key, NOTE.replace('answer', 'Answer'))).toBe('NOT_SIGNED');
  expect(await verifyNote({ ...key, name: 'Somebody' }, NOTE)).toBe('NOT_SIGNED');
  expect(await readKey(KEY.replace('c74f20a3', 'c74f20a4'))).toBeNull();
});

const base64 = (data: Iterable<number>) => btoa(String.fromCharCode(...data));
const bytesOf = (hex: string) => hex.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];

/** A log's key, and what signs in its name. */
async function signer(name: string) {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair;
  const bytes = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const named = new Uint8Array([...new TextEncoder().encode(`${name}\n`), 1, ...bytes]);
  const id = new Uint8Array(await crypto.subtle.digest('SHA-256', named)).slice(0, 4);
  const sign = async (origin: string, size: number, root: string, as = id) => {
    const text = `${origin}\n${size}\n${base64(bytesOf(root))}\n`;
    const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, new TextEncoder().encode(text));
    return `${text}\n\u2014 ${name} ${base64([...as, ...new Uint8Array(signature)])}\n`;
  };
  return { key: `${name}+${toHex(id)}+${base64([1, ...bytes])}`, id, sign };
}

test('a row is anchored by a checkpoint of its own log, signed with its key', async () => {
  const name = `countersign/${TENANT}`;
  const { key, id, sign } = await signer(name);
  const row = { seq: 1, hash: ROWS[0]?.hash ?? '' };
  const root = await leafOf(row.hash);
  const note = await sign(name, 1, root);
  expect(readCheckpoint(note)).toEqual({ origin: name, size: 1, root });
  expect(await checkAnchor(row, { key, note, hashes: [] })).toBe('ANCHORED');
  const strangeRow = { ...row, hash: 'ab'.repeat(32) };
  expect(await checkAnchor(strangeRow, { key, note, hashes: [] })).toBe('NOT_INCLUDED');
  expect(await checkAnchor({ ...row, seq: 2 }, { key, note, hashes: [] })).toBe('NOT_INCLUDED');
  const strange = await sign('countersign/ten_other', 1, root);
  expect(await checkAnchor(row, { key, note: strange, hashes: [] })).toBe('NOT_SIGNED');
  const forged = await (await signer(name)).sign(name, 1, root, id);
  expect(await checkAnchor(row, { key, note: forged, hashes: [] })).toBe('NOT_SIGNED');
});

test('a kept checkpoint convicts a log that does not go on from it', async () => {
  const name = `countersign/${TENANT}`;
  const { key, id, sign } = await signer(name);
  const [small, large] = [vectors.trees[2], vectors.trees[6]];
  if (!small || !large) throw new Error('the trees are there');
  const [kept, newest] = [await sign(name, small.size, small.root), await sign(name, large.size, large.root)];
  const prove = async (from: number, to: number) =>
    vectors.trees.find((tree) => tree.size === to)?.growths.find((one) => one.from === from)?.hashes ?? null;
  const compare = async (before: string, after: string, by: typeof prove = prove) =>
    (await compareKept(key, before, after, by))[0];
  expect(await compare(kept, newest)).toBe('GOES_ON');
  expect(await compare(newest, newest)).toBe('GOES_ON');
  expect(await compare(newest, kept)).toBe('CUT');
  expect(await compare(await sign(name, small.size, 'ab'.repeat(32)), newest)).toBe('REWRITTEN');
  expect(await compare(kept, newest, async () => null)).toBe('REWRITTEN');
  expect(await compare(kept, newest, async () => ['ab'.repeat(32)])).toBe('REWRITTEN');
  expect(await compare('something else', newest)).toBe('NOT_OURS');
  expect(await compare(await sign('countersign/ten_other', 3, small.root), newest)).toBe('NOT_OURS');
  const other = await signer(name);
  expect(await compare(await other.sign(name, small.size, small.root, id), newest)).toBe('NOT_OURS');
  expect(await compare(kept, await other.sign(name, large.size, large.root, id))).toBe('NOT_SIGNED');
});
