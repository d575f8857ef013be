//! Every way in which a token can be wrong is refused for its own reason. The keys are made for
//! these tests and protect nothing.

mod vectors;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::JwkSet};
use serde_json::{Value, json};

use super::*;
use crate::identity::{IdentityError, keys::Keys};

const RSA: &[u8] = include_bytes!("keys/rsa.pem");
const OTHER_RSA: &[u8] = include_bytes!("keys/other-rsa.pem");
const EC: &[u8] = include_bytes!("keys/ec.pem");
const ISSUER: &str = "https://issuer.example";
pub(in crate::identity) const CLIENT: &str = "countersign";
const AUDIENCE: &str = "https://books.example/graphql";

pub(in crate::identity) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

pub(in crate::identity) fn published() -> JwkSet {
    serde_json::from_value(json!({ "keys": [
        { "kty": "RSA", "use": "sig", "kid": "rs", "alg": "RS256", "e": "AQAB", "n": MODULUS },
        { "kty": "EC", "use": "sig", "kid": "es", "alg": "ES256", "crv": "P-256", "x": X, "y": Y },
    ] }))
    .unwrap()
}

fn sign(alg: Algorithm, kid: &str, typ: &str, key: &EncodingKey, claims: &Value) -> String {
    let mut header = Header::new(alg);
    header.kid = Some(kid.to_owned());
    header.typ = Some(typ.to_owned());
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

pub(in crate::identity) fn rsa(typ: &str, claims: &Value) -> String {
    sign(
        Algorithm::RS256,
        "rs",
        typ,
        &EncodingKey::from_rsa_pem(RSA).unwrap(),
        claims,
    )
}

async fn verified(jwt: &str) -> Result<Claims, String> {
    let header = header(jwt)?;
    let keys = Keys::default();
    let found = keys
        .find(&header, now(), || async { Ok(published()) })
        .await;
    let key = found.map_err(|error| match error {
        IdentityError::Refused { cause, .. } => cause,
        other => other.to_string(),
    })?;
    claims(jwt, &header, &key)
}

fn with(mut claims: Value, changes: Value) -> Value {
    let (Value::Object(all), Value::Object(changes)) = (&mut claims, changes) else {
        return claims;
    };
    for (name, value) in changes {
        if value.is_null() {
            all.remove(&name);
        } else {
            all.insert(name, value);
        }
    }
    claims
}

fn id_claims() -> Value {
    json!({ "iss": ISSUER, "sub": "u1", "aud": CLIENT, "nonce": "n", "exp": 1_790_000_600,
            "iat": 1_790_000_000, "sid": "s", "email": "a@example.com", "email_verified": true })
}

async fn check_id(changes: Value) -> Result<(), String> {
    let claims = verified(&rsa("JWT", &with(id_claims(), changes))).await?;
    id(&claims, ISSUER, CLIENT, Some("n"), "access", now())
}

#[tokio::test]
async fn a_good_id_token_is_taken_with_either_kind_of_key() {
    assert_eq!(check_id(json!({})).await, Ok(()));
    let ec = EncodingKey::from_ec_pem(EC).unwrap();
    let jwt = sign(Algorithm::ES256, "es", "JWT", &ec, &id_claims());
    assert_eq!(
        verified(&jwt).await.map(|claims| claims.sub),
        Ok(Some("u1".to_owned()))
    );
    assert_eq!(
        check_id(json!({ "aud": [CLIENT, "other"], "azp": CLIENT })).await,
        Ok(())
    );
    assert_eq!(
        check_id(json!({ "exp": 1_789_999_950 })).await,
        Ok(()),
        "clocks may differ a little"
    );
}

#[tokio::test]
async fn each_claim_of_an_id_token_is_checked() {
    for (changes, reason) in [
        (json!({ "iss": "https://evil.example" }), "another issuer"),
        (json!({ "aud": "other" }), "another audience"),
        (
            json!({ "aud": [CLIENT, "other"] }),
            "several audiences and no authorized party",
        ),
        (json!({ "azp": "other" }), "another authorized party"),
        (json!({ "nonce": "m" }), "another nonce"),
        (json!({ "nonce": null }), "another nonce"),
        (json!({ "exp": 1_789_999_900 }), "it has expired"),
        (json!({ "exp": null }), "it does not expire"),
        (
            json!({ "iat": 1_790_000_100 }),
            "it was issued in the future",
        ),
        (json!({ "iat": null }), "it does not say when it was issued"),
        (json!({ "nbf": 1_790_000_100 }), "it is not valid yet"),
        (json!({ "sub": "" }), "it names no subject"),
        (json!({ "at_hash": "AAAA" }), "another access token"),
        (json!({ "events": {} }), "it is a logout token"),
    ] {
        assert_eq!(
            check_id(changes.clone()).await,
            Err(reason.to_owned()),
            "{changes}"
        );
    }
    assert_eq!(
        check_id(json!({ "at_hash": half_hash("access") })).await,
        Ok(())
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_without_a_word_of_the_tokens() {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let header_of = |text: &str| format!("{}.{}.AAAA", part(text), part("{}"));
    for jwt in [
        "canary".to_owned(),
        "canary.canary.canary".to_owned(),
        header_of("\"canary\""),
        header_of("{\"alg\":\"canary\"}"),
        header_of("{\"alg\":\"RS256\",\"typ\":{\"canary\":1}}"),
    ] {
        let cause = header(&jwt).unwrap_err();
        assert!(!cause.contains("canary") && cause.contains(' '), "{cause}");
    }
    let claims = with(id_claims(), json!({ "exp": "canary" }));
    let cause = verified(&rsa("JWT", &claims)).await.unwrap_err();
    assert_eq!(
        cause,
        "its header or its claims are not of the form that is wanted"
    );
}

#[tokio::test]
async fn only_the_providers_own_keys_and_algorithms_sign() {
    let other = EncodingKey::from_rsa_pem(OTHER_RSA).unwrap();
    let forged = sign(Algorithm::RS256, "rs", "JWT", &other, &id_claims());
    assert!(
        verified(&forged)
            .await
            .unwrap_err()
            .contains("its signature does not verify")
    );

    // The public key as a shared secret: the classic confusion of algorithms.
    let confused = EncodingKey::from_secret(MODULUS.as_bytes());
    let confused = sign(Algorithm::HS256, "rs", "JWT", &confused, &id_claims());
    assert!(
        verified(&confused)
            .await
            .unwrap_err()
            .contains("not allowed")
    );

    let parts: Vec<String> = [json!({ "alg": "none", "typ": "JWT" }), id_claims()]
        .iter()
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .collect();
    let unsigned = verified(&format!("{}.{}.", parts[0], parts[1])).await;
    let reason = unsigned.unwrap_err();
    assert!(reason.contains("its header"), "{reason}");

    let ec = EncodingKey::from_ec_pem(EC).unwrap();
    let crossed = sign(Algorithm::ES256, "rs", "JWT", &ec, &id_claims());
    assert_eq!(
        verified(&crossed).await.unwrap_err(),
        "the provider has no such key"
    );
    let unknown = sign(Algorithm::ES256, "new", "JWT", &ec, &id_claims());
    assert_eq!(
        verified(&unknown).await.unwrap_err(),
        "the provider has no such key"
    );
    assert!(
        verified(&"x".repeat(9_000))
            .await
            .unwrap_err()
            .contains("too long")
    );
}

#[tokio::test]
async fn keys_are_fetched_for_a_new_key_id_and_kept_while_the_provider_is_away() {
    let keys = Keys::default();
    let known = header(&rsa("JWT", &id_claims())).unwrap();
    let away = || async { Err(IdentityError::away("away")) };
    assert!(
        keys.find(&known, now(), away).await.is_err(),
        "nothing is known yet"
    );
    assert!(
        keys.find(&known, now(), || async { Ok(published()) })
            .await
            .is_ok()
    );
    assert!(
        keys.find(&known, now(), away).await.is_ok(),
        "a known key needs no provider"
    );

    let mut rotated = known.clone();
    rotated.kid = Some("rs2".to_owned());
    let asked = std::cell::Cell::new(0);
    let fetch = || {
        asked.set(asked.get() + 1);
        async { Ok(published()) }
    };
    assert!(keys.find(&rotated, now(), fetch).await.is_err());
    assert_eq!(
        asked.get(),
        0,
        "made-up key ids do not make us a nuisance to the provider"
    );
    let later = now() + chrono::Duration::seconds(6);
    let mut fresh = published();
    fresh.keys[0].common.key_id = Some("rs2".to_owned());
    assert!(
        keys.find(&rotated, later, || async { Ok(fresh) })
            .await
            .is_ok(),
        "rotation"
    );
}

#[tokio::test]
async fn a_key_signs_only_what_it_is_published_for() {
    let signed = header(&rsa("JWT", &id_claims())).unwrap();
    let ec = EncodingKey::from_ec_pem(EC).unwrap();
    let curved = header(&sign(Algorithm::ES256, "es", "JWT", &ec, &id_claims())).unwrap();
    for (header, index, changes) in [
        (&signed, 0, json!({ "use": "enc" })),
        (&signed, 0, json!({ "alg": "RS512" })),
        (&signed, 0, json!({ "alg": "HS256" })),
        (&signed, 0, json!({ "key_ops": ["encrypt"] })),
        (&curved, 1, json!({ "crv": "P-384", "alg": null })),
    ] {
        let mut set = serde_json::to_value(published()).unwrap();
        set["keys"][index] = with(set["keys"][index].take(), changes.clone());
        // A key of a kind that nobody here knows is no reason to lose the others.
        let unknown = json!({ "kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "AA" });
        set["keys"].as_array_mut().unwrap().push(unknown);
        let set: JwkSet = serde_json::from_value(set).unwrap();
        let keys = Keys::default();
        let found = keys
            .find(header, now(), || async { Ok(set.clone()) })
            .await
            .map_err(|error| error.to_string());
        let reason = "the token does not verify: the provider has no such key";
        assert_eq!(found.err().as_deref(), Some(reason), "{changes}");
    }
}

#[tokio::test]
async fn a_token_of_one_kind_is_not_taken_for_another() {
    let as_id = async |typ: &str| {
        let claims = verified(&rsa(typ, &id_claims())).await?;
        id(&claims, ISSUER, CLIENT, Some("n"), "access", now())
    };
    assert_eq!(as_id("JWT").await, Ok(()));
    assert_eq!(as_id("application/jwt").await, Ok(()));
    for typ in ["at+jwt", "application/at+jwt", "logout+jwt"] {
        assert_eq!(as_id(typ).await, Err("it is no ID token".to_owned()));
    }
    let events = json!({ "nonce": null, "jti": "1", "events": { LOGOUT_EVENT: {} } });
    let as_logout = async |typ: &str| {
        let claims = verified(&rsa(typ, &with(id_claims(), events.clone()))).await?;
        logout(&claims, ISSUER, CLIENT, now())
    };
    assert!(as_logout("Logout+JWT").await.is_ok());
    // Providers from before the type was named.
    assert!(as_logout("JWT").await.is_ok());
    assert_eq!(
        as_logout("at+jwt").await,
        Err("it is no logout token".to_owned())
    );
}

#[tokio::test]
async fn several_factors_are_several_kinds_of_proof() {
    for (changes, several) in [
        (json!({}), false),
        (json!({ "amr": ["pwd"] }), false),
        (json!({ "amr": ["pwd", "pin", "pwd"] }), false),
        (json!({ "amr": ["pwd", "geo", "rba"] }), false),
        (json!({ "acr": "1" }), false),
        (json!({ "amr": ["mfa"] }), true),
        (json!({ "amr": ["otp"] }), true),
        (json!({ "amr": ["hwk"] }), true),
        (json!({ "amr": ["pwd", "sms"] }), true),
        (json!({ "amr": ["pin", "fpt"] }), true),
        (json!({ "acr": "phrh" }), true),
        (json!({ "acr": "https://refeds.org/profile/mfa" }), true),
    ] {
        let claims = verified(&rsa("JWT", &with(id_claims(), changes.clone()))).await;
        let found = claims.unwrap().has_second_factor();
        assert_eq!(found, several, "{changes}");
    }
}

#[tokio::test]
async fn a_machines_token_is_for_us_and_of_a_machine() {
    let good = json!({ "iss": ISSUER, "sub": "loader", "client_id": "loader", "aud": [AUDIENCE],
                       "exp": 1_790_000_600, "iat": 1_790_000_000,
                       "scope": "basic:read unknown:scope statements:import" });
    let check = async |typ: &str, changes: Value| {
        let claims = verified(&rsa(typ, &with(good.clone(), changes))).await?;
        machine(&claims, ISSUER, AUDIENCE, now())
    };
    let expected = MachineToken {
        client_id: "loader".to_owned(),
        scopes: BTreeSet::from([Scope::BasicRead, Scope::StatementsImport]),
        // With what clocks may differ by, as on arrival.
        ends_at: DateTime::from_timestamp(1_790_000_660, 0).unwrap(),
    };
    assert_eq!(check("at+jwt", json!({})).await, Ok(expected));
    for (typ, changes, reason) in [
        ("JWT", json!({}), "it is no access token"),
        ("at+jwt", json!({ "sub": "u1" }), "it is a person's token"),
        ("at+jwt", json!({ "client_id": null }), "it names no client"),
        ("at+jwt", json!({ "aud": CLIENT }), "another audience"),
        (
            "at+jwt",
            json!({ "iss": "https://evil.example" }),
            "another issuer",
        ),
        ("at+jwt", json!({ "exp": 1_789_000_000 }), "it has expired"),
    ] {
        assert_eq!(check(typ, changes).await, Err(reason.to_owned()));
    }
}

#[tokio::test]
async fn a_logout_token_says_so_and_names_somebody() {
    let good = json!({ "iss": ISSUER, "aud": CLIENT, "sid": "s", "jti": "1", "exp": 1_790_000_600,
                       "iat": 1_790_000_000, "events": { LOGOUT_EVENT: {} } });
    let check = async |changes: Value| {
        let claims = verified(&rsa("logout+jwt", &with(good.clone(), changes))).await?;
        logout(&claims, ISSUER, CLIENT, now())
    };
    assert!(check(json!({})).await.is_ok());
    for (changes, reason) in [
        (json!({ "events": null }), "it is no logout token"),
        (json!({ "nonce": "n" }), "a logout token has no nonce"),
        (json!({ "sid": null }), "it names nobody"),
        (json!({ "jti": null }), "it has no id"),
        (json!({ "aud": "other" }), "another audience"),
    ] {
        assert_eq!(check(changes).await, Err(reason.to_owned()));
    }
}

const MODULUS: &str = "t-pil8aogbzxF8r0QqOTbpFk8D9SK3egeMzZvwiC9IeqkG7tug8KU4mt-NR5VRrXzDkYnZ2nEoxFYuQSiEbpEE_3ULkJLjE_duPlCTCy5n2A2uBW4rxW0Ga-exZM9WviCrX1M9KE2VUKwNdPL1EkYpcK0o49LZG70Ih-Fou6SbY96a2sPi33CA03ZhuYrIOK0CLOKbcHYXRv8EhMWKuFo2hEGFs3zI1vOfhLNxWDf5sjW3ShbvpQv9cqZ9LtrTJ335YiyYhIXABuX5YB-ACHP7dOe1q9A26p1yLrQ0uEgR3a2t-YqNSakyWbBcQO2WF5tVriIls7gGhFTIZOqNQGbw";
const X: &str = "Kx2W7BWRGZWujhC3xalYRvtnuvuNVIMawm9mk6Uo-Yg";
const Y: &str = "mmoIzf9WEY1scxaOKVHVs9e-UCW0Opn1q84Clu8foIc";
