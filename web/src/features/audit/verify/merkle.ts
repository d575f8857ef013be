import { hex, joined, sha256, toHex } from './encoding';

/** The hash of a leaf of the tree (RFC 9162): of a row's hash. */
export async function leafOf(rowHash: string): Promise<string> {
  return toHex(await sha256(joined([Uint8Array.of(0), hex(rowHash, 32)])));
}

async function node(left: string, right: string): Promise<string> {
  return toHex(await sha256(joined([Uint8Array.of(1), hex(left, 32), hex(right, 32)])));
}

/**
 * Whether the proof shows that leaf `index` (from 0) is `leaf` in the tree of `size` leaves with that root
 * (RFC 9162, section 2.1.3.2).
 */
export async function isIncluded(
  leaf: string,
  index: number,
  size: number,
  proof: readonly string[],
  root: string,
): Promise<boolean> {
  if (index < 0 || index >= size) return false;
  let [at, last, found] = [index, size - 1, leaf];
  const up = () => {
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  };
  for (const step of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      found = await node(step, found);
      while (at % 2 === 0 && at !== 0) up();
    } else {
      found = await node(found, step);
    }
    up();
  }
  return last === 0 && found === root;
}
