//! The Merkle tree over the rows of a chain, as RFC 9162 has it (section 2.1): what a checkpoint says of a
//! chain, and proofs that a row is in it and that a longer chain goes on where it ended.
//!
//! Nothing here holds the leaves: a tree grows from its frontier, and a proof says which parts of the
//! tree it is made of.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::Hash;

/// How many levels of the tree a kept subtree spans: 256 rows, then 256 of those.
pub const SUBTREE_HEIGHT: u32 = 8;

/// The hash of a leaf.
pub fn leaf(data: &[u8]) -> Hash {
    let digest = Sha256::new().chain_update([0]).chain_update(data);
    digest.finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let digest = Sha256::new().chain_update([1]);
    digest
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// A complete part of a tree: 2^`height` leaves, the `place`th of its height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// 0 is a leaf.
    pub height: u32,
    /// From 0.
    pub place: u64,
}

/// The roots of the complete parts that a tree is made of, the largest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    roots: Vec<(u32, Hash)>,
}

impl Frontier {
    /// Of no leaves.
    pub const EMPTY: Self = Self {
        size: 0,
        roots: Vec::new(),
    };

    /// Of no leaves.
    pub const fn new() -> Self {
        Self::EMPTY
    }

    /// That of a tree of `size` leaves, from what [`Self::roots`] gave; nothing where they are not as
    /// many as such a tree has.
    pub fn resume(size: u64, roots: &[Hash]) -> Option<Self> {
        let heights = (0..u64::BITS).rev().filter(|bit| (size >> bit) & 1 == 1);
        let heights: Vec<u32> = heights.collect();
        let roots = (heights.len() == roots.len())
            .then(|| heights.into_iter().zip(roots.iter().copied()).collect())?;
        Some(Self { size, roots })
    }

    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete parts, the largest first.
    pub fn roots(&self) -> impl Iterator<Item = &Hash> {
        self.roots.iter().map(|(_, root)| root)
    }

    /// Adds a leaf by its hash. `complete` is told every part that it completes.
    pub fn push(&mut self, leaf: Hash, complete: impl FnMut(Part, Hash)) {
        self.add(0, leaf, complete);
    }

    /// Adds a complete part, which begins where the tree ends.
    fn add(&mut self, height: u32, root: Hash, mut complete: impl FnMut(Part, Hash)) {
        let grown = 1_u64.checked_shl(height).unwrap_or(0);
        self.size = self.size.saturating_add(grown);
        let (mut height, mut root) = (height, root);
        while let Some((_, left)) = self.roots.pop_if(|(other, _)| *other == height) {
            height = height.saturating_add(1);
            root = node(&left, &root);
            let place = self.size.checked_shr(height).unwrap_or(0).saturating_sub(1);
            complete(Part { height, place }, root);
        }
        self.roots.push((height, root));
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut parts = self.roots.iter().rev().map(|(_, root)| *root);
        let Some(last) = parts.next() else {
            return Sha256::digest([]).into();
        };
        parts.fold(last, |right, left| node(&left, &right))
    }
}

/// The largest power of two below `n`, which is above 1.
fn split(n: u64) -> u64 {
    n.saturating_sub(1)
        .checked_ilog2()
        .map_or(1, |bit| 1 << bit)
}

/// The parts of a tree of `size` leaves whose roots prove that leaf `index` (from 0) is in it, in the
/// order of the proof. Nothing where it is not.
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let (mut whole, mut proof) = (0..size, Vec::new());
    while whole.end.saturating_sub(whole.start) > 1 {
        let middle = middle(&whole);
        let (left, right) = (whole.start..middle, middle..whole.end);
        if index < middle {
            proof.push(right);
            whole = left;
        } else {
            proof.push(left);
            whole = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// The same, whose roots prove that a tree of `size` leaves goes on where one of `before` ended.
pub fn consistency(before: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if before == 0 || before > size {
        return None;
    }
    let (mut whole, mut proof, mut is_known) = (0..size, Vec::new(), true);
    while whole.end != before {
        let middle = middle(&whole);
        let (left, right) = (whole.start..middle, middle..whole.end);
        if before <= middle {
            proof.push(right);
            whole = left;
        } else {
            proof.push(left);
            whole = right;
            is_known = false;
        }
    }
    if !is_known {
        proof.push(whole);
    }
    proof.reverse();
    Some(proof)
}

fn middle(whole: &Range<u64>) -> u64 {
    let length = whole.end.saturating_sub(whole.start);
    whole.start.saturating_add(split(length))
}

/// What a range of leaves is made of: subtrees that are kept, and single leaves.
pub fn parts(range: &Range<u64>) -> Vec<Part> {
    let (mut at, mut parts) = (range.start, Vec::new());
    while at < range.end {
        let rest = range.end.saturating_sub(at);
        let fits = |height: &u32| {
            let length = 1_u64.checked_shl(*height).unwrap_or(u64::MAX);
            length <= rest && at % length == 0
        };
        let mut heights = (0..u64::BITS / SUBTREE_HEIGHT).rev();
        let height = heights.find(|level| fits(&level.saturating_mul(SUBTREE_HEIGHT)));
        let height = height.unwrap_or(0).saturating_mul(SUBTREE_HEIGHT);
        let place = at.checked_shr(height).unwrap_or(0);
        parts.push(Part { height, place });
        at = at.saturating_add(1_u64.checked_shl(height).unwrap_or(u64::MAX));
    }
    parts
}

/// The root of a range that [`inclusion`] or [`consistency`] named, from its [`parts`]. Nothing where one
/// of them is missing.
pub fn root_of(range: &Range<u64>, mut hash: impl FnMut(Part) -> Option<Hash>) -> Option<Hash> {
    let mut frontier = Frontier::new();
    for part in parts(range) {
        frontier.add(part.height, hash(part)?, |_, _| {});
    }
    Some(frontier.root())
}

/// Whether the proof shows that leaf `index` is `leaf` in the tree of `size` leaves with that root
/// (RFC 9162, section 2.1.3.2).
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut found) = (index, size.saturating_sub(1), leaf);
    for step in proof {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            found = node(step, &found);
            while at % 2 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            found = node(&found, step);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && found == *root
}

/// Whether the proof shows that the tree of `size` leaves with root `after` begins with the tree of
/// `earlier` leaves with root `before` (RFC 9162, section 2.1.4.2).
pub fn verify_consistency(
    (earlier, before): (u64, &Hash),
    (size, after): (u64, &Hash),
    proof: &[Hash],
) -> bool {
    if earlier == 0 || earlier > size {
        return false;
    }
    if earlier == size {
        return proof.is_empty() && before == after;
    }
    let mut proof = proof.iter();
    let first = if earlier.is_power_of_two() {
        Some(before)
    } else {
        proof.next()
    };
    let Some(first) = first else {
        return false;
    };
    let (mut at, mut last) = (earlier.saturating_sub(1), size.saturating_sub(1));
    while at % 2 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let (mut old, mut new) = (*first, *first);
    for step in proof {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            old = node(step, &old);
            new = node(step, &new);
            while at % 2 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new = node(&new, step);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old == *before && new == *after
}

#[cfg(test)]
mod tests;
