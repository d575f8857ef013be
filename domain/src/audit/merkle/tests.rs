//! The vectors are those of the tests that Certificate Transparency is checked by, whose tree RFC 9162 took
//! over unchanged.

use proptest::prelude::*;

use super::*;

const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn leaves() -> Vec<Hash> {
    let leaves = LEAVES.iter().map(|text| leaf(&hex::decode(text).unwrap()));
    leaves.collect()
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.push(*leaf, |_, _| {});
    }
    frontier.root()
}

fn proof(ranges: Option<Vec<Range<u64>>>, leaves: &[Hash]) -> Vec<Hash> {
    let (mut frontier, mut kept) = (Frontier::new(), Vec::new());
    for leaf in leaves {
        frontier.push(*leaf, |part, hash| kept.push((part, hash)));
    }
    let hash = |part: Part| match part.height {
        0 => Some(leaves[usize::try_from(part.place).unwrap()]),
        _ => kept.iter().find(|(one, _)| *one == part).map(|(_, h)| *h),
    };
    let ranges = ranges.unwrap();
    ranges
        .iter()
        .map(|range| root_of(range, hash).unwrap())
        .collect()
}

#[test]
fn roots_are_those_of_the_vectors() {
    assert_eq!(hex::encode(root(&[])), EMPTY);
    let leaves = leaves();
    for (n, expected) in ROOTS.iter().enumerate() {
        assert_eq!(hex::encode(root(&leaves[..=n])), *expected, "{n}");
    }
}

#[test]
fn proofs_are_those_of_the_vectors() {
    let leaves = leaves();
    let written = |ranges, n: usize| -> Vec<String> {
        let proof = proof(ranges, &leaves[..n]);
        proof.iter().map(|hash| hex::encode(&hash[..4])).collect()
    };
    assert_eq!(
        written(inclusion(0, 8), 8),
        ["96a296d2", "5f083f0a", "6b47aaf2"]
    );
    assert_eq!(
        written(inclusion(5, 8), 8),
        ["bc1a0643", "ca854ea1", "d37ee418"]
    );
    assert_eq!(written(inclusion(2, 3), 3), ["fac54203"]);
    assert_eq!(
        written(inclusion(1, 5), 5),
        ["6e340b9c", "5f083f0a", "bc1a0643"]
    );
    assert_eq!(
        written(consistency(1, 8), 8),
        ["96a296d2", "5f083f0a", "6b47aaf2"]
    );
    assert_eq!(
        written(consistency(6, 8), 8),
        ["0ebc5d34", "ca854ea1", "d37ee418"]
    );
    assert_eq!(written(consistency(2, 5), 5), ["5f083f0a", "bc1a0643"]);
}

proptest! {
    #[test]
    fn what_is_in_the_tree_is_proved_and_nothing_else(
        size in 1_u64..700, index in 0_u64..700, earlier in 1_u64..700, other in 0_u64..700,
    ) {
        let (index, earlier) = (index % size, earlier % size + 1);
        let leaves: Vec<Hash> = (0..size).map(|i| leaf(&i.to_be_bytes())).collect();
        let at = |i: u64| leaves[usize::try_from(i).unwrap()];
        let whole = root(&leaves);
        let shown = proof(inclusion(index, size), &leaves);
        prop_assert!(verify_inclusion(at(index), index, size, &shown, &whole));
        prop_assert!(!verify_inclusion(leaf(b"another"), index, size, &shown, &whole));
        if other != index {
            prop_assert!(!verify_inclusion(at(index), other, size, &shown, &whole));
        }
        let before = root(&leaves[..usize::try_from(earlier).unwrap()]);
        let shown = proof(consistency(earlier, size), &leaves);
        prop_assert!(verify_consistency((earlier, &before), (size, &whole), &shown));
        prop_assert!(!verify_consistency((earlier, &leaf(b"x")), (size, &whole), &shown));
        prop_assert!(!verify_consistency((earlier, &before), (size, &leaf(b"x")), &shown));
    }

    /// A proof reads some hundred hashes of a log of millions of rows, and not the log.
    #[test]
    fn a_proof_is_made_of_few_parts(size in 1_u64..(1 << 22), index: u64, earlier: u64) {
        let levels = u64::from(size.ilog2() / SUBTREE_HEIGHT) + 1;
        // On each level less than a whole subtree at either edge of what is left out.
        let most = usize::try_from(levels * 2 * 255).unwrap();
        for ranges in [inclusion(index % size, size), consistency(earlier % size + 1, size)] {
            let parts: Vec<Part> = ranges.unwrap().iter().flat_map(parts).collect();
            prop_assert!(parts.len() <= most, "{} parts of {size}", parts.len());
            prop_assert!(parts.iter().all(|part| part.height % SUBTREE_HEIGHT == 0));
        }
    }

    #[test]
    fn a_tree_grows_from_its_frontier(size in 0_u64..600, more in 0_u64..600) {
        let leaves: Vec<Hash> = (0..size + more).map(|i| leaf(&i.to_be_bytes())).collect();
        let mut first = Frontier::new();
        let (before, after) = leaves.split_at(usize::try_from(size).unwrap());
        for leaf in before {
            first.push(*leaf, |_, _| {});
        }
        let roots: Vec<Hash> = first.roots().copied().collect();
        let mut resumed = Frontier::resume(size, &roots).unwrap();
        for leaf in after {
            resumed.push(*leaf, |_, _| {});
        }
        prop_assert_eq!(resumed.root(), root(&leaves));
        prop_assert_eq!(Frontier::resume(size + 1, &roots).is_some(), (size + 1).count_ones() == size.count_ones());
    }
}
