//! Exports that do not begin: no row leaves, and why is recorded.

use chrono::DateTime;
use countersign_domain::access::{Capability, Role, Scope};
use countersign_tests::{Reply, TestApp, TestTenant};
use serde_json::{Value, json};
use sqlx::Executor;

use super::{EXPORT, ask, download::Download, payload, refusal};
use crate::{audit::log, books::books, policies::Folder};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_second_factor_or_the_right_no_row_leaves_and_it_is_recorded() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let asked = json!({ "format": "jsonl" });
    let refused = refusal(&books.owner, &asked).await;
    assert_eq!(
        (refused.status, refused.error_code()),
        (403, Some("STEP_UP_REQUIRED"))
    );
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert_eq!(refused.body["type"], "/errors/step-up-required");
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("sign in again")
    );
    assert!(!refused.headers.contains_key("countersign-key"));

    let reads = [Capability::ReadAudit];
    let trusted = app
        .person_with(&books.tenant, Role::Worker, &reads, "willa")
        .await;
    let mut others = vec![trusted];
    for (role, name) in [
        (Role::Admin, "adele"),
        (Role::Worker, "walt"),
        (Role::Manager, "mara"),
    ] {
        others.push(app.person_with_factor(&books.tenant, role, name).await);
    }
    for other in &others {
        let refused = refusal(other, &asked).await;
        assert_eq!(
            (refused.status, refused.error_code()),
            (403, Some("FORBIDDEN"))
        );
        assert!(
            !refused.body.to_string().contains("hash"),
            "{:?}",
            refused.body
        );
    }
    let token = books.owner.token(&[Scope::AuditRead]).await;
    let refused = token.post_json(EXPORT, &asked.to_string()).await;
    assert_eq!(
        (refused.status, refused.error_code()),
        (403, Some("FORBIDDEN"))
    );

    let rows = log(&books.owner, json!({ "action": "audit.exported" })).await;
    assert_eq!(rows.len(), 2 + others.len());
    assert!(
        rows.iter().all(|row| row["outcome"] == "REFUSED"),
        "{rows:?}"
    );
    let first = rows.last().unwrap();
    assert_eq!(payload(first)["reason"], "second factor");
    assert_eq!(payload(first)["format"], "jsonl");
    let permission = "Capability.exportAudit refused by export.second-factor";
    assert_eq!(first["permission"], permission);
    assert_eq!(first["actorId"], books.owner.user.to_string());
    assert_eq!(rows[0]["actorId"], token.id.to_string());
    let permission = rows[0]["permission"].as_str().unwrap();
    assert!(
        permission.contains("machine.never-attributed"),
        "{permission}"
    );
    assert_eq!(payload(&rows[0])["reason"], "policy");
    let ended = log(&books.owner, json!({ "action": "audit.export_ended" })).await;
    assert!(ended.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_refused_with_a_sentence_and_exports_nothing() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person_with_factor(&tenant, Role::Owner, "olivia").await;
    for (asked, sentence) in [
        (r#"{"format":"xlsx"}"#, "`format` is"),
        (
            r#"{"format":"csv","from":"yesterday"}"#,
            "`from` is an instant",
        ),
        (
            r#"{"format":"csv","to":"2026-02-30T00:00:00Z"}"#,
            "`to` is an instant",
        ),
        (
            r#"{"format":"csv","from":"2026-02-01T00:00:00Z","to":"2026-02-01T00:00:00Z"}"#,
            "after `from`",
        ),
        (r#"{"format":"csv","fromSeq":0}"#, "counted from 1"),
        (
            r#"{"format":"csv","fromSeq":9,"toSeq":8}"#,
            "counted from 1",
        ),
        (r#"{"format":"csv","outcome":"MAYBE"}"#, "`outcome` is"),
        (r#"{"format":"csv","action":"' OR 1=1"}"#, "`action` is"),
        (r#"{"format":"csv","actorId":"*"}"#, "`actorId` is"),
        (
            r#"{"format":"csv","format":"jsonl"}"#,
            "not the object that is wanted here (line 1, column 24)",
        ),
        (r#"{"format":"csv","rows":9}"#, "(line 1, column 22)"),
        (r#"{"format":["csv","jsonl"]}"#, "(line 1, column 10)"),
        ("{}", "(line 1, column 2)"),
        ("format=csv", "the body is not JSON (line 1, column 2)"),
    ] {
        let refused = Reply::of(owner.post_json(EXPORT, asked).await).await;
        assert_eq!(
            (refused.status, refused.error_code()),
            (400, Some("BAD_REQUEST")),
            "{asked}"
        );
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(sentence), "{asked}: {detail}");
    }
    let asked = json!({ "format": "csv" }).to_string();
    let url = format!("{}{EXPORT}", app.url());
    let post = || {
        app.http()
            .post(&url)
            .header("content-type", "application/json")
            .body(asked.clone())
    };
    let forged = [
        post().header("cookie", owner.cookie()),
        post()
            .header("cookie", owner.cookie())
            .header("x-csrf", "1")
            .header("sec-fetch-site", "cross-site"),
        post()
            .header("cookie", owner.cookie())
            .header("x-csrf", "1")
            .header("origin", "https://evil.example"),
    ];
    for request in forged {
        let refused = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(
            (refused.status, refused.error_code()),
            (403, Some("FORGED_REQUEST"))
        );
    }
    let stranger = Reply::of(post().send().await.unwrap()).await;
    assert_eq!(
        (stranger.status, stranger.error_code()),
        (401, Some("UNAUTHENTICATED"))
    );
    // A link does not begin one.
    assert_eq!(owner.get(EXPORT).await.status, 405);
    for action in ["audit.exported", "audit.export_ended"] {
        assert!(log(&owner, json!({ "action": action })).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_recorded_does_not_begin() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person_with_factor(&tenant, Role::Owner, "olivia").await;
    log(&owner, Value::Null).await;
    let mut superuser = app.test_database.superuser().await;
    let full = "REVOKE INSERT ON countersign.audit_entries FROM countersign_gate";
    superuser.execute(full).await.unwrap();
    let refused = refusal(&owner, &json!({ "format": "jsonl" })).await;
    assert!(refused.status >= 500, "{:?}", refused.body);
    assert!(!refused.body.to_string().contains("hash"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_field_or_a_row_is_hidden_from_gets_no_part_of_the_log() {
    let folder = Folder::copy("hidden-from-auditors");
    let hide = "permit (\n  principal is Countersign::Human,\n  action in Countersign::Action::\"export.audit\",";
    let forbid = format!(
        "forbid (\n  principal in Countersign::Role::\"auditor\",\n  action == Countersign::Action::\"AuditEntry.source\",\n  \
         resource\n);\n\n@id(\"human.export-audit\")\n@rule(\"28\")\n@control(\"AUD-6\")\n@description(\"x\")\n{hide}"
    );
    folder.change(
        "exports.cedar",
        "@id(\"human.export-audit\")\n",
        "@id(\"auditor.no-source\")\n",
    );
    folder.change("exports.cedar", hide, &forbid);
    let app = folder.start(true).await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person_with_factor(&tenant, Role::Owner, "olivia").await;
    let auditor = app.person_with_factor(&tenant, Role::Auditor, "ada").await;
    let refused = refusal(&auditor, &json!({ "format": "jsonl" })).await;
    assert_eq!(
        (refused.status, refused.error_code()),
        (403, Some("EXPORT_HIDES_ROWS"))
    );
    let rows = log(&owner, json!({ "action": "audit.exported" })).await;
    assert_eq!(
        (rows.len(), payload(&rows[0])["reason"].as_str()),
        (1, Some("hidden rows"))
    );
    let permission = rows[0]["permission"].as_str().unwrap();
    assert!(
        permission.contains("AuditEntry.source refused by auditor.no-source"),
        "{permission}"
    );
    assert!(
        Download::of(&owner, json!({ "format": "csv" }))
            .await
            .verifies()
            .await
    );
}

pub(super) async fn of_limits(limits: &str) -> (TestApp, TestTenant) {
    let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let app = TestApp::start_with(start, |toml| format!("{toml}[limits]\n{limits}\n")).await;
    let tenant = app.tenant("northwind").await;
    (app, tenant)
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_have_a_quota_of_their_own() {
    let (app, tenant) = of_limits("exports = 2").await;
    let owner = app.person_with_factor(&tenant, Role::Owner, "olivia").await;
    let asked = json!({ "format": "jsonl" });
    for left in [1, 0] {
        let answer = ask(&owner, &asked).await;
        assert_eq!(answer.headers()["ratelimit-policy"], "\"export\";q=2;w=60");
        assert_eq!(
            answer.headers()["ratelimit"],
            format!("\"export\";r={left}")
        );
        answer.text().await.unwrap();
    }
    let refused = refusal(&owner, &asked).await;
    assert_eq!(
        (refused.status, refused.error_code()),
        (429, Some("RATE_LIMITED"))
    );
    assert_eq!(refused.headers["retry-after"], "30");
    // Others, and whatever else one does, do not wait for it.
    let auditor = app.person_with_factor(&tenant, Role::Auditor, "ada").await;
    assert_eq!(ask(&auditor, &asked).await.status(), 200);
    assert_eq!(
        log(&owner, json!({ "action": "audit.exported" }))
            .await
            .len(),
        3
    );
}
