//! A backup is no reading, and everything is in it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use chrono::{DateTime, Utc};
use countersign::config::Config;
use countersign_domain::{
    access::{Role, Scope},
    id::TenantId,
};
use countersign_entities::{AuditFilter, Database, KeyEncryptionKey, SystemClock, SystemIds};
use countersign_tests::{Browser, TestApp, TestDatabase, cluster, configuration};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Executor};

use super::{Desk, MAGIC, day, has, program, run};
use crate::books::books;

/// How PostgreSQL's own form of dumps begins, and a word of its table of contents, which is not compressed.
const DUMP: [&str; 2] = ["PGDMP", "CREATE TABLE countersign.tenants"];

/// The rows of a dump, as text.
fn rows(dump: &std::path::Path) -> String {
    let ended = run(
        Command::new(program("pg_restore"))
            .arg("--file=-")
            .arg(dump),
        b"",
    );
    String::from_utf8(ended.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_shows_nothing_and_is_restored_whole() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let mut desk = Desk::of(&app);
    let said = desk.done(&["backup", "create", "--out", "books.age"]);
    assert!(said.starts_with("`books.age`: "), "{said}");
    assert_eq!(
        desk.names(),
        ["backups.key", "books.age", "countersign.toml"]
    );
    for secret in ["backups.key", "books.age"] {
        let mode = desk
            .folder
            .join(secret)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    let sealed = desk.get("books.age");
    assert!(sealed.starts_with(MAGIC));
    // Opened where neither a configuration nor a database is.
    fs::remove_file(desk.folder.join("countersign.toml")).unwrap();
    let open = ["backup", "open", "books.age", "--identity", "backups.key"];
    desk.done(&[&open[..], &["--out", "books.dump"]].concat());
    let opened = desk.get("books.dump");
    for word in DUMP {
        assert!(has(&opened, word), "`{word}` is what is looked for");
        assert!(!has(&sealed, word), "`{word}` stands in the backup");
    }
    let mode = desk
        .folder
        .join("books.dump")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(desk.run(&open).stdout, opened, "on standard output as well");
    let text = rows(&desk.folder.join("books.dump"));
    assert!(text.contains("Tenant northwind"));
    assert!(
        !text.contains("NL26VAYB8060476890"),
        "what is sealed stays sealed in it"
    );

    desk.put("monday.age", &sealed);
    desk.put("2026-q4.key", &desk.get("backups.key"));
    let restored = restore(&mut desk);
    every_sealed_value_opens(&restored, &books.tenant.slug).await;
}

/// The lines of the README by which a backup is restored, as a shell reads them, with this cluster's address and a
/// database of that name.
fn lines_of_the_readme(name: &str) -> String {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, after) = readme.split_once("To restore, ").unwrap();
    let (_, lines) = after.split_once("```sh\n").unwrap();
    let (lines, _) = lines.split_once("```").unwrap();
    let address = "postgres://postgres@db.example:5432";
    let (postgres, own) = (cluster().admin_url("postgres"), cluster().admin_url(name));
    let lines = lines
        .replace(
            &format!("{address}/postgres countersign\n"),
            &format!("{postgres} {name}\n"),
        )
        .replace(&format!("{address}/countersign "), &format!("{own} "));
    assert!(!lines.contains("db.example"), "{lines}");
    lines
}

/// Makes the backup that the README restores.
fn back_up(desk: &Desk) {
    let key = desk.key("2026-q4.key");
    desk.configure(&[(&key, day(0))]);
    desk.done(&["backup", "create", "--out", "monday.age"]);
}

/// Restores `monday.age` as the README has it, and leaves the desk at the database that it is in.
fn restore(desk: &mut Desk) -> TestDatabase {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("restored_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    desk.database.clone_from(&name);
    desk.configure(&[]);
    let program = env!("CARGO_BIN_EXE_countersign-under-test");
    desk.script("countersign", &format!("exec '{program}' \"$@\"\n"));
    let lines = lines_of_the_readme(&name);
    let own = desk.folder.display();
    let lines = format!("PATH='{own}:{}':$PATH\n{lines}", program_folder());
    let mut shell = Command::new("sh");
    let ended = run(shell.args(["-ec", &lines]).current_dir(&desk.folder), b"");
    let said = ended.said();
    for told in [
        "`monday.age`: ",
        "the roles are there",
        "the database is at version",
        "sessions ended",
        "northwind: recorded, after ",
        "operator: recorded, after ",
        " rows verify, the last is ",
        "ok      isolation of tenants",
        "ok      key-encryption key",
    ] {
        assert!(said.contains(told), "`{told}`: {said}");
    }
    assert!(!said.contains("FAULT"), "{said}");
    // The stand has no provider, and makes no backup from here on.
    let failed = said.lines().filter(|line| line.starts_with("FAILED"));
    let is_known = |line: &str| line.contains("OpenID") || line.contains("keys of backups");
    assert!(
        ended.code == 1 && failed.into_iter().all(is_known),
        "{said}"
    );
    TestDatabase { name }
}

fn program_folder() -> String {
    let folder = program("pg_restore");
    folder
        .parent()
        .map_or_else(String::new, |folder| folder.display().to_string())
}

/// The product on a database that was restored, at this moment.
async fn serving(restored: &TestDatabase) -> TestApp {
    TestApp::start_with(now(), |_| configuration(restored)).await
}

#[expect(clippy::disallowed_methods, reason = "commands live in real time")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Whether a session is let in there.
async fn status_of(session: &Browser, app: &TestApp) -> u16 {
    let request = app.http().get(format!("{}/bff/user", app.url()));
    let request = request
        .header("cookie", session.cookie())
        .header("x-csrf", "1");
    let request = request.header("sec-fetch-site", "same-origin");
    request.send().await.unwrap().status().as_u16()
}

/// The rows of restores in a tenant's log, oldest first.
async fn rows_of_restores(app: &TestApp, tenant: TenantId) -> Vec<Value> {
    let operator = app.database().operator();
    let filter = AuditFilter {
        action: Some("backup.restored".to_owned()),
        ..AuditFilter::default()
    };
    let rows = operator.ledger_page(tenant, &filter, 0).await.unwrap();
    rows.into_iter()
        .map(|row| serde_json::from_str(&row.event.payload).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backup_brings_back_is_ended_recorded_and_told() {
    let app = TestApp::start_with(now(), |toml| toml).await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await;
    assert_eq!(status_of(&books.owner, &app).await, 200);
    let mut desk = Desk::of(&app);
    back_up(&desk);
    let end = app
        .database()
        .operator()
        .ledger_end(books.tenant.id)
        .await
        .unwrap();
    let restored = restore(&mut desk);
    let serving = serving(&restored).await;
    assert_eq!(status_of(&books.owner, &serving).await, 401);
    let query = "{ viewer { __typename } }";
    let there = token.at(serving.url());
    assert_eq!(there.graphql(query, json!({})).await.status, 200);

    let sha256 = hex::encode(Sha256::digest(desk.get("monday.age")));
    for tenant in [books.tenant.id, TenantId::OPERATOR] {
        let rows = rows_of_restores(&serving, tenant).await;
        assert_eq!(
            (rows.len(), &*rows[0]["sha256"].to_string()),
            (1, &*format!("\"{sha256}\""))
        );
        if tenant == books.tenant.id {
            assert_eq!(rows[0]["end"], end.seq);
        }
    }
    // Again it ends and records nothing, but for what it is told to.
    let person = serving.person(&books.tenant, Role::Owner, "nora").await;
    let later = person.token(&[Scope::BasicRead]).await;
    let said = desk.done(&["backup", "restored"]);
    assert!(
        said.contains("this restore was recorded at ") && said.contains("; 1 API tokens are live"),
        "{said}"
    );
    assert_eq!(status_of(&person, &serving).await, 200);
    assert_eq!(rows_of_restores(&serving, books.tenant.id).await.len(), 1);
    let said = desk.done(&["backup", "restored", "--end-tokens"]);
    assert!(
        said.contains("northwind: recorded, after ") && said.contains("; 1 API tokens ended"),
        "{said}"
    );
    assert_eq!(there.graphql(query, json!({})).await.status, 401);
    assert_eq!(later.graphql(query, json!({})).await.status, 200);
    let rows = rows_of_restores(&serving, books.tenant.id).await;
    assert_eq!((rows.len(), &rows[1]["tokensEnded"]), (2, &json!(1)));
    let said = desk.done(&["ledger", "verify"]);
    assert!(!said.contains("FAULT"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cut_off_goes_on_and_a_second_restore_is_another_one() {
    let app = TestApp::start_with(now(), |toml| toml).await;
    let tenant = app.tenant("northwind").await;
    let person = app.person(&tenant, Role::Owner, "olivia").await;
    let mut desk = Desk::of(&app);
    let refuse = "ALTER TABLE countersign.audit_entries ADD CONSTRAINT not_here CHECK \
        (action <> 'backup.restored' OR tenant_id <> '00000000-0000-7000-8000-000000000001') NOT VALID";
    let refuse = refuse.replace(
        "00000000-0000-7000-8000-000000000001",
        &TenantId::OPERATOR.uuid().to_string(),
    );
    let mut superuser = app.test_database.superuser().await;
    superuser.execute(AssertSqlSafe(refuse)).await.unwrap();
    let ended = desk.run(&["backup", "restored"]);
    assert!(
        ended.code == 1 && ended.stderr.contains("in the log of `operator`"),
        "{}",
        ended.said()
    );
    assert_eq!(rows_of_restores(&app, tenant.id).await.len(), 1);
    assert_eq!(status_of(&person, &app).await, 401);
    let again = "ALTER TABLE countersign.audit_entries DROP CONSTRAINT not_here";
    superuser.execute(again).await.unwrap();
    desk.done(&["backup", "restored"]);
    for tenant in [tenant.id, TenantId::OPERATOR] {
        assert_eq!(rows_of_restores(&app, tenant).await.len(), 1);
    }
    // The backup has rows of that restore, and sessions of after it.
    let person = app.person(&tenant, Role::Owner, "nora").await;
    back_up(&desk);
    let serving = serving(&restore(&mut desk)).await;
    assert_eq!(status_of(&person, &serving).await, 401);
    for tenant in [tenant.id, TenantId::OPERATOR] {
        assert_eq!(rows_of_restores(&serving, tenant).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_witness_knows_and_the_backup_does_not_are_said_to_be_lost() {
    let app = TestApp::start_with(now(), |toml| toml).await;
    let tenant = app.tenant("northwind").await;
    let mut desk = Desk::of(&app);
    let witness = |desk: &Desk, folder: &str| {
        let toml = String::from_utf8(desk.get("countersign.toml")).unwrap();
        let toml = format!("{toml}[audit]\ncheckpoints = \"{folder}\"\n");
        desk.put("countersign.toml", toml.as_bytes());
    };
    witness(&desk, "witness");
    desk.done(&["ledger", "checkpoint"]);
    back_up(&desk);
    let operator = app.database().operator();
    let end = operator.ledger_end(tenant.id).await.unwrap().seq;
    for _ in 0..3 {
        operator.rotate_key(tenant.id).await.unwrap();
    }
    witness(&desk, "witness");
    desk.done(&["ledger", "checkpoint"]);
    restore(&mut desk);
    witness(&desk, "witness");
    let (first, size) = (end + 1, end + 3);
    let lost = format!(
        "northwind: its rows {first} to {size} are lost: a checkpoint of {size} rows is published"
    );
    let said = desk.done(&["backup", "restored", "monday.age"]);
    assert!(
        said.contains(&lost) && said.contains("another folder in `audit.checkpoints`"),
        "{said}"
    );
    let said = desk.run(&["ledger", "verify"]);
    assert!(
        said.code == 1 && said.said().contains("`countersign backup restored`"),
        "{}",
        said.said()
    );
    let said = desk.run(&["ledger", "checkpoint"]);
    assert!(
        said.code == 1 && said.said().contains("says otherwise"),
        "{}",
        said.said()
    );
    desk.configure(&[]);
    witness(&desk, "anew");
    desk.done(&["ledger", "checkpoint"]);
    let said = desk.done(&["ledger", "verify"]);
    assert_eq!(
        said.matches("as the published checkpoint of").count(),
        2,
        "{said}"
    );
}

/// Seals everything anew, for which everything is opened.
async fn every_sealed_value_opens(restored: &TestDatabase, slug: &str) {
    let config = Config::from_toml(&configuration(restored)).unwrap();
    let kek = KeyEncryptionKey::new(std::array::from_fn(|i| u8::try_from(i).unwrap()));
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let database = Database::connect(config.storage(), kek, clock, ids).await;
    let database = database.unwrap();
    let operator = database.operator();
    let tenant = operator.tenant(slug).await.unwrap().id;
    operator.rotate_key(tenant).await.unwrap();
    let mut resealing = operator.reseal(tenant);
    let mut tables = Vec::new();
    while let Some(batch) = resealing.next().await.unwrap() {
        assert_eq!(batch.unopened, [] as [uuid::Uuid; 0], "{}", batch.table);
        assert!(batch.rows > 0);
        tables.push(batch.table);
    }
    assert!(tables.contains(&"accounts"), "{tables:?}");
    database.close().await;
}
