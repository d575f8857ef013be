//! Signatures of the provider's tokens against the vectors of Project Wycheproof, with keys as it publishes
//! them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto, jwk::Jwk};
use serde_json::{Value, json};
use wycheproof::{TestResult, ecdsa, rsa_pkcs1_verify as rsa};

fn key(jwk: Value) -> DecodingKey {
    let jwk: Jwk = serde_json::from_value(jwk).unwrap();
    DecodingKey::from_jwk(&jwk).unwrap()
}

fn is_signed(key: &DecodingKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let signature = URL_SAFE_NO_PAD.encode(signature);
    crypto::verify(&signature, message, key, algorithm).unwrap_or(false)
}

#[test]
fn es256() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut tried = 0;
    for group in set.test_groups {
        // An uncompressed point: 4, then both coordinates.
        let (x, y) = group.key.key[1..].split_at(32);
        let key = key(
            json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x),
            "y": URL_SAFE_NO_PAD.encode(y) }),
        );
        for test in group.tests {
            let found = is_signed(&key, Algorithm::ES256, &test.msg, &test.sig);
            let expected = test.result != TestResult::Invalid;
            assert_eq!(found, expected, "{}: {}", test.tc_id, test.comment);
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
}

#[test]
fn rs256() {
    let mut tried = 0;
    for name in [rsa::TestName::Rsa2048Sha256, rsa::TestName::Rsa4096Sha256] {
        for group in rsa::TestSet::load(name).unwrap().test_groups {
            // Whole numbers are written without the zeros before them (RFC 7518, section 6.3.1).
            let number = |bytes: &[u8]| {
                let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                URL_SAFE_NO_PAD.encode(&bytes[zeros..])
            };
            let key =
                key(json!({ "kty": "RSA", "n": number(&group.key.n), "e": number(&group.key.e) }));
            for test in group.tests {
                let found = is_signed(&key, Algorithm::RS256, &test.msg, &test.sig);
                // What is acceptable, such as a missing NULL, may be refused.
                match test.result {
                    TestResult::Valid => assert!(found, "{}: {}", test.tc_id, test.comment),
                    TestResult::Invalid => assert!(!found, "{}: {}", test.tc_id, test.comment),
                    TestResult::Acceptable => {}
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 400, "{tried}");
}
