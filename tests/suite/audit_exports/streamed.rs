//! An export under way: it is written while it is read, and for as long as the caller may.

use std::time::Duration;

use countersign::app::audit_exports::{Delivery, Export, Wanted};
use countersign_domain::{
    access::Role,
    audit::{Facts, Outcome, manifest::ExportFormat},
};
use countersign_entities::{AuditFilter, Clock, Credential, EventDraft, SessionSecret};
use countersign_policies::Resolved;
use countersign_tests::{Browser, TestApp};
use futures::future::join_all;
use serde_json::{Value, json};

use super::{ask, download::Download, payload};
use crate::audit::{instant, log};

/// Rows that a chain is to have.
pub(crate) async fn grow(app: &TestApp, by: &Browser, rows: usize) {
    let secret = by.cookie().split_once('=').unwrap().1.to_owned();
    let facts = app.facts();
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
pub(crate) const MANY: usize = 12_000;

pub(super) async fn last_of(by: &Browser) -> Value {
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

/// What is given of an export, step by step, without what is in between.
async fn given_to(app: &TestApp, by: &Browser) -> Delivery {
    let facts = app.facts();
    let credential = by.credential();
    let entered = app.database().enter(&credential, &facts, &[]).await;
    let wanted = Wanted {
        filter: AuditFilter::default(),
        format: ExportFormat::JsonLines,
    };
    let stores = (app.database(), &app.state().exports);
    let (engine, entered) = (app.engine(), entered.unwrap());
    let opened = Export::open(stores, &engine, credential, facts, entered, wanted).await;
    Delivery::new(opened.unwrap(), Duration::from_mins(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_any_more_is_given_neither_the_rest_of_what_was_read_nor_the_manifest() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person_with_factor(&tenant, Role::Owner, "olivia").await;
    let mut superuser = app.test_database.superuser().await;
    // A few rows, which are given at one step; then as many as are read at once, in many.
    for (name, rows) in [("ada", 0), ("ann", 1_000)] {
        let auditor = app.person_with_factor(&tenant, Role::Auditor, name).await;
        grow(&app, &owner, rows).await;
        let mut delivery = given_to(&app, &auditor).await;
        let first = delivery.next(&app.engine()).await.unwrap().unwrap();
        assert!(first.starts_with(b"{\"tenant\":"), "rows have no head");
        let demote = "UPDATE countersign.memberships SET role = 'worker' WHERE id = $1";
        let demote = sqlx::query(demote).bind(auditor.member.uuid());
        demote.execute(&mut superuser).await.unwrap();
        if rows > 0 {
            tokio::time::sleep(Duration::from_millis(2_100)).await;
        }
        for _ in 0..2 {
            let next = delivery.next(&app.engine()).await;
            let told =
                next.map(|step| step.map(|step| String::from_utf8_lossy(&step).into_owned()));
            assert!(!matches!(told, Ok(Some(_))), "{rows} rows: {told:?}");
        }
        let ended = last_of(&owner).await;
        assert_eq!(ended["actorId"], auditor.user.to_string());
        let told = payload(&ended);
        assert_eq!(told["completed"], false, "{told}");
        assert_eq!(told["why"], "refused by policy", "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_in_the_middle_is_recorded_and_who_stays_gets_all() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person_with_factor(&tenant, Role::Owner, "olivia").await;
    grow(&app, &owner, MANY).await;
    let mut answer = ask(&owner, &json!({ "format": "csv" })).await;
    assert!(answer.chunk().await.unwrap().is_some());
    app.clock.advance(chrono::Duration::minutes(7));
    let left_at = app.clock.now();
    drop(answer);
    let left = last_of(&owner).await;
    assert_eq!(instant(&left["occurredAt"]), left_at);
    let left = payload(&left);
    assert_eq!(
        (&left["completed"], &left["why"]),
        (&json!(false), &json!("the caller left"))
    );
    let whole = Download::of(&owner, json!({ "format": "jsonl" })).await;
    assert!(whole.verifies().await);
    assert!(whole.rows().len() > MANY);
}
