use aes_gcm::{Aes256Gcm, KeyInit};
use countersign_domain::id::TenantId;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::clock::SystemIds;

fn cipher(key: [u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&key.into())
}

/// A place, whose parts may run into each other where they are not framed.
fn place() -> impl Strategy<Value = (u128, String, String, Vec<u8>, i32, String)> {
    let text = "[ab]{0,3}";
    let row = prop::collection::vec(0..3_u8, 0..4);
    (0..3_u128, text, text, row, 1..4_i32, "[cd]{0,2}")
}

proptest! {
    #[test]
    fn opens_at_its_own_place_and_at_no_other(
        plain in prop::collection::vec(any::<u8>(), 0..200),
        (tenant, table, column, row, version, purpose) in place(),
        (tenant2, table2, column2, row2, version2, purpose2) in place(),
    ) {
        let of = |tenant| TenantId::new(Uuid::from_u128(tenant));
        let here = Place { tenant: of(tenant), table: &table, column: &column, row: &row };
        let there = Place { tenant: of(tenant2), table: &table2, column: &column2, row: &row2 };
        let cipher = cipher([1; 32]);
        let sealed = seal(&cipher, version, &purpose, &here, &plain, &SystemIds).unwrap();
        prop_assert_eq!(super::version(&sealed), Ok(version));
        let opened = open(&cipher, &purpose, &here, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), plain.as_slice());
        let same = (tenant, &table, &column, &row, &purpose)
            == (tenant2, &table2, &column2, &row2, &purpose2);
        prop_assert_eq!(open(&cipher, &purpose2, &there, &sealed).is_ok(), same);
        let mut other = sealed.clone();
        other[1..5].copy_from_slice(&version2.to_be_bytes());
        prop_assert_eq!(open(&cipher, &purpose, &here, &other).is_ok(), version == version2);
    }

    #[test]
    fn each_changed_or_missing_byte_is_noticed(
        plain in prop::collection::vec(any::<u8>(), 0..60),
        at in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let place = Place { tenant: TenantId::new(Uuid::nil()), table: "t", column: "c", row: b"r" };
        let cipher = cipher([1; 32]);
        let sealed = seal(&cipher, 1, "p", &place, &plain, &SystemIds).unwrap();
        let at = at.index(sealed.len());
        let mut changed = sealed.clone();
        changed[at] ^= change;
        prop_assert!(open(&cipher, "p", &place, &changed).is_err());
        prop_assert!(open(&cipher, "p", &place, &sealed[..at]).is_err());
        let longer = [sealed.as_slice(), &[change]].concat();
        prop_assert!(open(&cipher, "p", &place, &longer).is_err());
    }

    #[test]
    fn bytes_of_anybody_are_refused_and_never_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let place = Place { tenant: TenantId::new(Uuid::nil()), table: "t", column: "c", row: b"r" };
        prop_assert!(open(&cipher([1; 32]), "p", &place, &bytes).is_err());
    }
}

#[test]
fn another_key_does_not_open_and_one_value_is_sealed_differently_each_time() {
    let place = Place {
        tenant: TenantId::new(Uuid::nil()),
        table: "t",
        column: "c",
        row: b"r",
    };
    let seal = || seal(&cipher([1; 32]), 1, "p", &place, b"secret", &SystemIds).unwrap();
    let sealed = seal();
    assert!(open(&cipher([2; 32]), "p", &place, &sealed).is_err());
    assert_ne!(sealed, seal());
}

mod vectors {
    //! Project Wycheproof's vectors, of the very functions that are used here.

    use aes_gcm::{
        Aes256Gcm, KeyInit, Nonce,
        aead::{Aead, Payload},
    };
    use hkdf::Hkdf;
    use hmac::{Hmac, Mac};
    use sha2::Sha256;
    use wycheproof::{TestResult, aead, hkdf as hkdf_vectors, mac};

    #[test]
    fn aes_256_gcm() {
        let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
        let mut tried = 0;
        for group in set.test_groups {
            // What is used here: keys of 256 bits, nonces of 96, tags of 128.
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for test in group.tests {
                let key = <[u8; 32]>::try_from(test.key.as_slice()).unwrap();
                let nonce = <[u8; 12]>::try_from(test.nonce.as_slice()).unwrap();
                let cipher = Aes256Gcm::new(&key.into());
                let sealed = [test.ct.as_slice(), test.tag.as_slice()].concat();
                let payload = Payload {
                    msg: &sealed,
                    aad: &test.aad,
                };
                let opened = cipher.decrypt(&Nonce::from(nonce), payload);
                let expected = (test.result != TestResult::Invalid).then(|| test.pt.to_vec());
                assert_eq!(opened.ok(), expected, "{}: {}", test.tc_id, test.comment);
                tried += 1;
            }
        }
        assert!(tried > 50, "{tried}");
    }

    #[test]
    fn hmac_sha_256() {
        let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
        let mut tried = 0;
        for group in set.test_groups {
            for test in group.tests {
                use hmac::KeyInit as _;
                let mut mac = Hmac::<Sha256>::new_from_slice(&test.key).unwrap();
                mac.update(&test.msg);
                let verified = mac.verify_truncated_left(&test.tag).is_ok();
                let expected = test.result != TestResult::Invalid;
                assert_eq!(verified, expected, "{}: {}", test.tc_id, test.comment);
                tried += 1;
            }
        }
        assert!(tried > 100, "{tried}");
    }

    #[test]
    fn hkdf_sha_256() {
        let set = hkdf_vectors::TestSet::load(hkdf_vectors::TestName::HkdfSha256).unwrap();
        let mut tried = 0;
        for group in set.test_groups {
            for test in group.tests {
                let hkdf = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm);
                let mut okm = vec![0; test.size];
                let derived = hkdf.expand(&test.info, &mut okm).is_ok();
                let expected = test.result != TestResult::Invalid;
                assert_eq!(derived, expected, "{}: {}", test.tc_id, test.comment);
                assert!(!expected || okm == test.okm.as_slice(), "{}", test.tc_id);
                tried += 1;
            }
        }
        assert!(tried > 50, "{tried}");
    }
}
