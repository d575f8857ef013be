//! The status of an answer, by the text that the configuration names.

use chrono::DateTime;
use countersign_domain::access::Role;
use countersign_tests::TestApp;
use serde_json::json;

/// The status of each request, for a caller of that media type.
async fn statuses(codes: &str, accept: &str) -> Vec<u16> {
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default();
    let app = TestApp::start_with(now, |toml| {
        format!("{toml}[graphql]\nstatus_codes = \"{codes}\"\n")
    })
    .await;
    let tenant = app.tenant("north").await;
    let worker = app.person(&tenant, Role::Worker, "will").await;
    let publish = |text: &str| app.state().graphql.publish(text).to_string();
    let requests = [
        // Whole, in part, not valid, a variable of another type, ambiguous, not parsed.
        publish("{ viewer { kind } }"),
        publish("{ viewer { kind } members { nodes { id } } }"),
        publish("{ viewer { nothing } }"),
        publish("query q($n: Int!) { accounts(first: $n) { nodes { id } } }"),
        publish("query a { viewer { kind } } query b { viewer { kind } }"),
        publish("{ viewer {"),
    ];
    let mut found = Vec::new();
    for document in requests {
        let request = app
            .http()
            .post(format!("{}/graphql", app.url()))
            .header("cookie", worker.cookie())
            .header("x-csrf", "1")
            .header("sec-fetch-site", "same-origin")
            .header("accept", accept)
            .json(&json!({ "documentId": document, "variables": { "n": "x" } }));
        found.push(request.send().await.unwrap().status().as_u16());
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_says_which_text_holds() {
    const RESPONSE: &str = "application/graphql-response+json";
    assert_eq!(
        statuses("published", RESPONSE).await,
        [200, 200, 400, 400, 400, 400]
    );
    assert_eq!(
        statuses("draft", RESPONSE).await,
        [200, 294, 422, 422, 422, 400]
    );
    // Older clients read every answer from a 200, whichever text holds.
    assert_eq!(statuses("draft", "application/json").await, [200; 6]);
}
