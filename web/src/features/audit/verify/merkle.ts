import { hex, joined, sha256, toHex } from './encoding';

/** The hash of a leaf of the tree (RFC 9162): of a row's hash. */
export async function leafOf(rowHash: string): Promise<string> {
  return toHex(await sha256(joined([Uint8Array.of(0), hex(rowHash, 32)])));
}

async function node(left: string, right: string): Promise<string> {
  return toHex(await sha256(joined([Uint8Array.of(1), hex(left, 32), hex(right, 32)])));
}

/** A place in a level of a tree, and the last of that level. */
class Climb {
  at: number;
  last: number;

  constructor(at: number, last: number) {
    this.at = at;
    this.last = last;
  }

  up(): void {
    this.at = Math.floor(this.at / 2);
    this.last = Math.floor(this.last / 2);
  }

  /** Whether what the proof gives next stands to the left. */
  hasLeft(): boolean {
    return this.at % 2 === 1 || this.at === this.last;
  }

  /** Leaves out the levels at which there is nothing to the right. */
  skip(): void {
    while (this.at % 2 === 0 && this.at !== 0) this.up();
  }
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
  const climb = new Climb(index, size - 1);
  let found = leaf;
  for (const step of proof) {
    if (climb.last === 0) return false;
    if (climb.hasLeft()) {
      found = await node(step, found);
      climb.skip();
    } else {
      found = await node(found, step);
    }
    climb.up();
  }
  return climb.last === 0 && found === root;
}

/** A tree, by how many leaves it has and its root. */
export interface Tree {
  readonly size: number;
  readonly root: string;
}

/**
 * Whether the proof shows that one tree begins with the other, earlier one (RFC 9162, section 2.1.4.2).
 */
export async function goesOn(earlier: Tree, later: Tree, proof: readonly string[]): Promise<boolean> {
  if (earlier.size < 1 || earlier.size > later.size) return false;
  if (earlier.size === later.size) return proof.length === 0 && earlier.root === later.root;
  // A power of two: sizes are of 31 bits.
  const isWhole = (earlier.size & (earlier.size - 1)) === 0;
  const [first, ...rest] = isWhole ? [earlier.root, ...proof] : proof;
  if (first === undefined) return false;
  const climb = new Climb(earlier.size - 1, later.size - 1);
  while (climb.at % 2 === 1) climb.up();
  let [old, now] = [first, first];
  for (const step of rest) {
    if (climb.last === 0) return false;
    if (climb.hasLeft()) {
      old = await node(step, old);
      now = await node(step, now);
      climb.skip();
    } else {
      now = await node(now, step);
    }
    climb.up();
  }
  return climb.last === 0 && old === earlier.root && now === later.root;
}
