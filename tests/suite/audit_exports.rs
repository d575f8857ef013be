//! The audit log as people take it out: whole, verified offline, with a second factor, and recorded (AUD-6).

mod bounded;
mod download;
mod refused;
pub(crate) mod streamed;

use countersign::command::ledger::offline;
use countersign_domain::access::Role;
use countersign_tests::{Browser, Reply, TestApp};
use serde_json::{Value, json};

use self::download::Download;
use crate::{
    audit::log,
    books::{books, books_of},
};

pub(crate) const EXPORT: &str = "/bff/audit/export";

async fn ask(by: &Browser, asked: &Value) -> reqwest::Response {
    by.post_json(EXPORT, &asked.to_string()).await
}

async fn refusal(by: &Browser, asked: &Value) -> Reply {
    Reply::of(ask(by, asked).await).await
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
    let counts = ended.iter().map(|row| {
        let payload = payload(row);
        // As one who exports is decided about, so that it can be decided again.
        assert!(
            payload["as"].is_string() && payload["asked"].is_string(),
            "{payload}"
        );
        json!([payload["rows"], payload["completed"]])
    });
    let counts: Vec<Value> = counts.collect();
    let completed = |rows: usize| json!([rows, true]);
    assert_eq!(counts[4], completed(rows.len()));
    assert_eq!(payload(&began[1])["toSeq"], 5);
    assert_eq!((&counts[2], &counts[0]), (&completed(3), &completed(0)));
    let filter = payload(&began[2]);
    assert_eq!(filter["action"], "statement.imported", "{filter}");
    assert_eq!(filter["to"], "2099-12-31T23:00:00Z");
    assert_eq!(filter["actor"], books.owner.user.to_string());
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
