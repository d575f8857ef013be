//! A backup is no reading, and everything is in it.

use std::{os::unix::fs::PermissionsExt, process::Command, sync::Arc};

use countersign::config::Config;
use countersign_entities::{Database, KeyEncryptionKey, SystemClock, SystemIds};
use countersign_tests::{TestApp, TestDatabase, cluster, configuration};
use sqlx::Executor;

use super::{Desk, MAGIC, has, program, run};
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
    let desk = Desk::of(&app);
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
    std::fs::remove_file(desk.folder.join("countersign.toml")).unwrap();
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

    // As the README has it: migrating made the roles, and what it made beside them gives way.
    let restored = TestDatabase::create().await;
    let room = "DROP SCHEMA countersign CASCADE";
    restored.superuser().await.execute(room).await.unwrap();
    let mut restore = Command::new(program("pg_restore"));
    let into = cluster().admin_url(&restored.name);
    restore.args([
        "--clean",
        "--if-exists",
        "--exit-on-error",
        "--dbname",
        &into,
    ]);
    let ended = run(&mut restore, &opened);
    assert_eq!(ended.code, 0, "{}", ended.said());
    desk.put("countersign.toml", configuration(&restored).as_bytes());
    let said = desk.done(&["ledger", "verify"]);
    assert!(
        said.contains("northwind: ") && said.contains("operator: "),
        "{said}"
    );
    assert!(!said.contains("FAULT"), "{said}");
    every_sealed_value_opens(&restored, &books.tenant.slug).await;
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
