//! The audit log as people take it out: whole, verified offline, with a second factor, and recorded (AUD-6).

use std::{env, fs, path::PathBuf, process::ExitCode, time::Duration};

use chrono::DateTime;
use clap::Parser;
use countersign::command::{Cli, dispatch, ledger::offline};
use countersign_domain::{
    access::{Capability, Role, Scope},
    audit::{Facts, Outcome},
    id::RequestId,
};
use countersign_entities::{Credential, EventDraft, RequestFacts, SessionSecret};
use countersign_policies::Resolved;
use countersign_tests::{Browser, Reply, TestApp, TestTenant};
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::{
    audit::log,
    books::{books, books_of},
    policies::Folder,
};

pub(crate) const EXPORT: &str = "/bff/audit/export";

async fn ask(by: &Browser, asked: &Value) -> reqwest::Response {
    by.post_json(EXPORT, &asked.to_string()).await
}

async fn refusal(by: &Browser, asked: &Value) -> Reply {
    Reply::of(ask(by, asked).await).await
}

/// A file that was downloaded, which goes with the test.
struct Download {
    path: PathBuf,
    text: String,
    key: String,
}

impl Download {
    async fn of(by: &Browser, asked: Value) -> Self {
        let answer = ask(by, &asked).await;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{text}");
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("cache-control"), "no-store");
        assert!(header("countersign-tenant").starts_with("ten_"));
        let format = asked["format"].as_str().unwrap();
        let named = header("content-disposition");
        assert!(
            named.starts_with("attachment; filename=\"audit-log-2")
                && named.ends_with(&format!(".{format}\"")),
            "{named}"
        );
        let own = RequestId::new(uuid::Uuid::new_v4());
        let path = env::temp_dir().join(format!("countersign-download-{own}.{format}"));
        fs::write(&path, &text).unwrap();
        let key = header("countersign-key");
        Self { path, text, key }
    }

    /// What the operator's command says of it, by the one line that the app shows.
    async fn verifies(&self) -> bool {
        let path = self.path.to_str().unwrap();
        let line = [
            "countersign",
            "ledger",
            "verify",
            "--export",
            path,
            "--key",
            &self.key,
        ];
        dispatch(Cli::parse_from(line)).await.unwrap() == ExitCode::SUCCESS
    }

    /// The same code, of another text.
    fn with(&self, text: &str) -> String {
        fs::write(&self.path, text).unwrap();
        let told = offline::export(&self.path, &self.key.parse().unwrap(), None);
        fs::write(&self.path, &self.text).unwrap();
        told.map_or_else(|fault| format!("{fault:#}"), |told| panic!("{told}"))
    }

    /// The rows of one as JSON Lines.
    fn rows(&self) -> Vec<Value> {
        let lines = self
            .text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let mut rows: Vec<Value> = lines.collect();
        assert!(rows.pop().unwrap()["manifest"].is_string());
        rows
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

fn payload(row: &Value) -> Value {
    serde_json::from_str(row["payload"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_downloaded_is_the_log_and_verifies_without_a_database() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let auditor = app
        .person_with_factor(&books.tenant, Role::Auditor, "ada")
        .await;
    let before = log(&auditor, Value::Null).await;
    let whole = Download::of(&auditor, json!({ "format": "jsonl" })).await;
    assert!(whole.verifies().await);
    let operator = app.database().operator();
    let key = operator
        .note_signer(books.tenant.id)
        .await
        .unwrap()
        .key()
        .to_string();
    assert_eq!(whole.key, key, "the key of the tenant's checkpoints");
    // All rows, that of the last look among them, in their order, and none that came later.
    let rows = whole.rows();
    assert_eq!(rows.len(), before.len() + 1);
    for (row, shown) in rows.iter().zip(before.iter().rev()) {
        for field in ["seq", "hash", "action", "actorId", "payload", "requestId"] {
            assert_eq!(row[field], shown[field], "{row}");
        }
    }
    let sheet = Download::of(&auditor, json!({ "format": "csv", "outcome": "DONE" })).await;
    assert!(sheet.verifies().await);
    let asked = json!({ "format": "jsonl", "action": "statement.imported", "actorId": books.owner.user,
        "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00+01:00" });
    let some = Download::of(&auditor, asked).await;
    assert!(some.verifies().await);
    assert_eq!(some.rows().len(), 3);
    assert!(
        some.rows()
            .iter()
            .all(|row| row["action"] == "statement.imported")
    );
    let part = json!({ "format": "jsonl", "fromSeq": 3, "toSeq": 5 });
    let part = Download::of(&auditor, part).await;
    assert!(part.verifies().await);
    let seqs: Vec<_> = part.rows().iter().map(|row| row["seq"].clone()).collect();
    assert_eq!(seqs, [3, 4, 5]);
    let none = Download::of(&auditor, json!({ "format": "csv", "action": "no.such" })).await;
    assert!(none.verifies().await);

    // Changed, cut off in the middle, cut off at the end, lengthened, or of another tenant.
    let told = whole.with(&whole.text.replacen("\"DONE\"", "\"FAILED\"", 1));
    assert!(told.contains("row 1 "), "{told}");
    for text in [&whole.text, &sheet.text] {
        let of = if text == &whole.text { &whole } else { &sheet };
        let half = of.with(&text[..text.len() / 2]);
        assert!(half.contains("no manifest"), "{half}");
        let manifest = text.trim_end().rfind('\n').unwrap() + 1;
        let end = if text == &whole.text {
            manifest
        } else {
            text.rfind("\nmanifest,").unwrap() + 1
        };
        let told = of.with(&text[..end]);
        assert!(told.contains("no manifest"), "{told}");
    }
    let told = sheet.with(&sheet.text.replacen("DONE", "FAILED", 1));
    assert!(told.contains("not those that were signed"), "{told}");
    let told = whole.with(&format!(
        "{}{}",
        whole.text,
        whole.text.lines().next().unwrap()
    ));
    assert!(told.contains("more in the file"), "{told}");

    // Each began and ended in the log, with what was asked for and how many rows were given.
    let began = log(&auditor, json!({ "action": "audit.exported" })).await;
    let ended = log(&auditor, json!({ "action": "audit.export_ended" })).await;
    assert_eq!((began.len(), ended.len()), (5, 5));
    for (began, ended) in began.iter().zip(&ended) {
        assert_eq!(began["requestId"], ended["requestId"]);
        assert_eq!(
            (&began["outcome"], &ended["outcome"]),
            (&json!("DONE"), &json!("DONE"))
        );
        assert_eq!(began["actorId"], auditor.user.to_string());
        assert_eq!(began["targets"], json!([books.tenant.id]));
        assert_eq!(
            began["permission"],
            "Capability.exportAudit by human.export-audit"
        );
    }
    let counts: Vec<Value> = ended.iter().map(payload).collect();
    let completed = |rows: usize| json!({ "rows": rows, "completed": true });
    assert_eq!(counts[4], completed(rows.len()));
    assert_eq!(payload(&began[1])["toSeq"], 5);
    assert_eq!((&counts[2], &counts[0]), (&completed(3), &completed(0)));
    let filter = payload(&began[2]);
    assert_eq!(filter["action"], "statement.imported", "{filter}");
    assert_eq!(filter["to"], "2099-12-31T23:00:00Z");
    assert_eq!(filter["actor"], books.owner.user.to_string());
}

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
async fn nothing_of_another_tenant_is_in_it() {
    let app = TestApp::start().await;
    let (north, south) = (books(&app).await, books_of(&app, "alder").await);
    let owner = app
        .person_with_factor(&north.tenant, Role::Owner, "otto")
        .await;
    let whole = Download::of(&owner, json!({ "format": "jsonl" })).await;
    let own = north.tenant.id.to_string();
    assert!(whole.rows().iter().all(|row| row["tenant"] == own.as_str()));
    assert!(whole.rows().len() > 10);
    for foreign in [south.tenant.id.to_string(), south.owner.user.to_string()] {
        assert!(!whole.text.contains(&foreign), "{foreign}");
    }
    let theirs = json!({ "format": "jsonl", "actorId": south.owner.user });
    assert!(Download::of(&owner, theirs).await.rows().is_empty());
    let other = app
        .person_with_factor(&south.tenant, Role::Auditor, "ada")
        .await;
    let whole_of_other = Download::of(&other, json!({ "format": "jsonl" })).await;
    assert_ne!(whole.key, whole_of_other.key);
    // A key of another tenant verifies nothing of this one.
    let told = offline::export(&whole.path, &whole_of_other.key.parse().unwrap(), None);
    assert!(told.is_err());
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
            "duplicate field `format`",
        ),
        (r#"{"format":"csv","rows":9}"#, "unknown field `rows`"),
        (r#"{"format":["csv","jsonl"]}"#, "invalid type"),
        ("{}", "missing field `format`"),
        ("format=csv", "the body is not the JSON"),
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

/// Rows that a chain is to have.
async fn grow(app: &TestApp, by: &Browser, rows: usize) {
    let secret = by.cookie().split_once('=').unwrap().1.to_owned();
    let facts = RequestFacts {
        request: RequestId::new(app.database().ids().uuid()),
        source: None,
        at: app.database().clock().now(),
        idempotency_key: None,
    };
    let credential = Credential::Session(SessionSecret::parse(&secret).unwrap());
    let (context, reader) = app
        .database()
        .enter(&credential, &facts, &[])
        .await
        .unwrap();
    reader.leave();
    let draft = EventDraft {
        action: "books.read",
        permission: Resolved::beside_policies("a test"),
        outcome: Outcome::Done,
        targets: Vec::new(),
        payload: Facts::new().words("fields", ["filler"; 60]).into(),
    };
    for _ in 0..rows / 500 {
        let recorded = join_all((0..500).map(|_| app.database().record(&context, draft.clone())));
        assert!(recorded.await.iter().all(Result::is_ok));
    }
}

/// More rows than sockets hold, so that what is not read yet is not fetched yet.
const MANY: usize = 12_000;

async fn last_of(by: &Browser) -> Value {
    for _ in 0..100 {
        let ended = log(by, json!({ "action": "audit.export_ended" })).await;
        if let Some(row) = ended.into_iter().next() {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the end of the export is not recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_read_as_they_are_sent_and_for_as_long_as_the_caller_may() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person_with_factor(&tenant, Role::Owner, "olivia").await;
    let auditor = app.person_with_factor(&tenant, Role::Auditor, "ada").await;
    grow(&app, &owner, MANY).await;
    let mut answer = ask(&auditor, &json!({ "format": "jsonl" })).await;
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"{\"tenant\":"));
    // Once buffers are full nothing is read, and no connection is held for one who does not read on.
    let mut superuser = app.test_database.superuser().await;
    let held = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND pid <> pg_backend_pid() AND state <> 'idle'";
    let mut quiet = 0;
    for _ in 0..200 {
        let held = sqlx::query_scalar::<_, i64>(held).fetch_one(&mut superuser);
        quiet = if held.await.unwrap() == 0 {
            quiet + 1
        } else {
            0
        };
        if quiet == 10 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(quiet, 10, "a connection is held");
    let demote = "UPDATE countersign.memberships SET role = 'worker' WHERE id = $1";
    let demote = sqlx::query(demote).bind(auditor.member.uuid());
    demote.execute(&mut superuser).await.unwrap();
    let (mut bytes, mut last) = (first.len(), first);
    let broken = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => {
                bytes += chunk.len();
                last = chunk;
            }
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "what was broken off does not look whole");
    assert!(!String::from_utf8_lossy(&last).contains("manifest"));
    let ended = last_of(&owner).await;
    assert_eq!(ended["outcome"], "FAILED");
    assert_eq!(ended["actorId"], auditor.user.to_string());
    let told = payload(&ended);
    assert_eq!(
        (&told["completed"], &told["why"]),
        (&json!(false), &json!("refused by policy"))
    );
    let given = usize::try_from(told["rows"].as_u64().unwrap()).unwrap();
    assert!(given > 0 && given < MANY, "{told}");
    assert!(bytes > 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_in_the_middle_is_recorded_and_who_stays_gets_all() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person_with_factor(&tenant, Role::Owner, "olivia").await;
    grow(&app, &owner, MANY).await;
    let mut answer = ask(&owner, &json!({ "format": "csv" })).await;
    assert!(answer.chunk().await.unwrap().is_some());
    drop(answer);
    let left = payload(&last_of(&owner).await);
    assert_eq!(
        (&left["completed"], &left["why"]),
        (&json!(false), &json!("the caller left"))
    );
    let whole = Download::of(&owner, json!({ "format": "jsonl" })).await;
    assert!(whole.verifies().await);
    assert!(whole.rows().len() > MANY);
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

async fn of_limits(limits: &str) -> (TestApp, TestTenant) {
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
