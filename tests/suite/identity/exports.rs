//! What a second factor is: what the provider vouches for, and nothing else (AUD-6).

use countersign_tests::Reply;

use super::stand::{Stand, Visit, invite, stand};
use crate::audit_exports::EXPORT;

async fn export(stand: &Stand, visit: &Visit) -> reqwest::Response {
    let request = stand
        .app
        .http()
        .post(format!("{}{EXPORT}", stand.app.url()));
    let request = request
        .header("cookie", visit.header())
        .header("x-csrf", "1")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/json");
    request.body("{\"format\":\"csv\"}").send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_vouches_for_the_second_factor_of_an_export() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let olivia = Visit::sign_in(&stand, "olivia@example.test").await;
    let refused = Reply::of(export(&stand, &olivia).await).await;
    assert_eq!(
        (refused.status, refused.error_code()),
        (403, Some("STEP_UP_REQUIRED"))
    );
    invite_other(&stand, "otis@example.test").await;
    let otis = Visit::sign_in(&stand, "otis@example.test").await;
    let answer = export(&stand, &otis).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("\nmanifest,"));
}

/// Another owner, of a tenant of their own.
async fn invite_other(stand: &Stand, email: &str) {
    let tenant = stand.app.tenant("alder").await;
    let new = countersign_entities::NewMember {
        email: email.to_owned(),
        name: "Invited".to_owned(),
        role: countersign_domain::access::Role::Owner.into(),
        capabilities: [].into(),
    };
    let operator = stand.app.database().operator();
    operator.add_member(tenant.id, &new).await.unwrap();
}
