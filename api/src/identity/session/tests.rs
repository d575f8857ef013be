//! When renewed tokens are kept, and when a session ends.

use oauth2::StandardErrorResponse;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::identity::{
    provider::tests::{document, serve},
    token::tests::{CLIENT, now, published, rsa},
};

/// A provider whose keys are published, or not to be had.
async fn provider(keys: bool) -> (Provider, String) {
    let base = serve(move |base, path| match path {
        "/keys" if keys => ("200 OK", serde_json::to_string(&published()).unwrap()),
        "/keys" => ("503 Service Unavailable", String::new()),
        _ => ("200 OK", document(base).to_string()),
    })
    .await;
    (Provider::new(base.clone()).unwrap(), base)
}

fn answer(more: &Value) -> Tokens {
    let mut answer = json!({ "access_token": "new", "token_type": "bearer", "expires_in": 60 });
    let all = answer.as_object_mut().unwrap();
    all.extend(more.as_object().unwrap().clone());
    serde_json::from_value(answer).unwrap()
}

fn id_token(issuer: &str, subject: &str) -> String {
    let at = now().timestamp();
    let claims = json!({ "iss": issuer, "sub": subject, "aud": CLIENT, "iat": at, "exp": at + 60 });
    rsa("JWT", &claims)
}

fn before() -> ProviderTokens {
    ProviderTokens {
        access: SecretString::from("old"),
        refresh: Some(SecretString::from("refresh")),
        access_expires_at: now(),
    }
}

/// Access and refresh token, and in how many seconds the former ends.
fn plain(tokens: &ProviderTokens) -> (&str, &str, i64) {
    let refresh = tokens.refresh.as_ref().unwrap().expose_secret();
    let lasts = (tokens.access_expires_at - now()).num_seconds();
    (tokens.access.expose_secret(), refresh, lasts)
}

#[tokio::test]
async fn a_session_goes_on_for_the_same_person_only() {
    let (provider, issuer) = provider(true).await;
    let check =
        async |renewed: Tokens| check_renewed(&provider, CLIENT, &renewed, "u1", now()).await;
    let same = answer(&json!({ "id_token": id_token(&issuer, "u1") }));
    assert!(check(same).await.is_ok());
    assert!(
        check(answer(&json!({}))).await.is_ok(),
        "no ID token is due"
    );
    for (id_token, reason) in [
        (
            id_token(&issuer, "u2"),
            "the provider answers for somebody else",
        ),
        (id_token("https://evil.example", "u1"), "another issuer"),
    ] {
        let ended = check(answer(&json!({ "id_token": id_token }))).await;
        assert!(
            matches!(&ended, Err(NotRenewed::Ended(cause)) if cause == reason),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn what_can_not_be_verified_now_ends_nothing() {
    let (provider, issuer) = provider(false).await;
    let renewed = answer(&json!({ "id_token": id_token(&issuer, "u1") }));
    let later = check_renewed(&provider, CLIENT, &renewed, "u1", now()).await;
    assert!(
        matches!(
            &later,
            Err(NotRenewed::Later(IdentityError::ProviderAway { .. }))
        ),
        "{later:?}"
    );
}

#[test]
fn only_what_is_verified_is_kept_and_a_rotated_refresh_token_is_never_lost() {
    let full = answer(&json!({ "id_token": "new id", "refresh_token": "rotated" }));
    let kept = |renewed: &Tokens, verified| kept_of(renewed, verified, &before(), now());
    let tokens = kept(&full, true);
    assert_eq!(plain(&tokens), ("new", "rotated", 60));
    let tokens = kept(&full, false);
    assert_eq!(plain(&tokens), ("old", "rotated", 0));
    let tokens = kept(&answer(&json!({})), true);
    assert_eq!(plain(&tokens), ("new", "refresh", 60));
}

#[test]
fn only_the_providers_word_ends_a_session() {
    let says = |error: &str| {
        let answer: BasicErrorResponse =
            serde_json::from_value::<StandardErrorResponse<_>>(json!({ "error": error })).unwrap();
        not_renewed(RequestTokenError::ServerResponse(answer))
    };
    for last in ["invalid_grant", "interaction_required", "access_denied"] {
        assert!(matches!(says(last), NotRenewed::Ended(_)), "{last}");
    }
    for passing in ["invalid_client", "temporarily_unavailable", "slow_down"] {
        assert!(matches!(says(passing), NotRenewed::Later(_)), "{passing}");
    }
    let away = not_renewed(RequestTokenError::Request(NoAnswer::TooLarge));
    assert!(matches!(away, NotRenewed::Later(_)));
}
