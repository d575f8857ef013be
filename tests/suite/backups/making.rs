//! What is made, recorded, and not made.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use countersign_domain::{access::Role, id::TenantId};
use countersign_stand::process;
use countersign_tests::{TestApp, TestTenant};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::Executor;

use super::{Desk, MAGIC, day, program};
use crate::audit::log;

/// The rows of backups in the operator's own log.
async fn recorded(app: &TestApp) -> Vec<Value> {
    let tenant = TestTenant {
        id: TenantId::OPERATOR,
        slug: "operator".to_owned(),
    };
    let n = app.database().ids().uuid();
    let auditor = app
        .person(&tenant, Role::Auditor, &format!("olga{n}"))
        .await;
    log(&auditor, json!({ "action": "backup.created" })).await
}

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_backup_is_a_row_of_the_operators_log() {
    let app = TestApp::start().await;
    let desk = Desk::of(&app);
    let key = desk.key("another.key");
    desk.configure(&[(&key, day(-1))]);
    let monitored = "countersign_newest_backup_timestamp_seconds";
    assert_eq!(app.metric(monitored).await, 0, "there is none");
    desk.done(&["backup", "create", "--out", "books.age"]);
    assert!(app.metric(monitored).await > 0);
    let sealed = desk.run_with(&["backup", "seal"], b"a base backup");
    assert_eq!(sealed.code, 0, "{}", sealed.stderr);
    assert!(sealed.stdout.starts_with(MAGIC));
    let unrecorded = ["backup", "seal", "--unrecorded", "--out", "segment.age"];
    assert_eq!(desk.run_with(&unrecorded, b"a segment").code, 0);
    let rows = recorded(&app).await;
    let of = |by: &str| {
        let mut rows = rows.iter().filter(|row| row["actorId"] == by);
        let row = rows
            .next()
            .unwrap_or_else(|| panic!("{by}: {rows:?}"))
            .clone();
        serde_json::from_str::<Value>(row["payload"].as_str().unwrap()).unwrap()
    };
    assert_eq!(rows.len(), 2, "{rows:?}");
    for (by, file) in [
        ("backup create", desk.get("books.age")),
        ("backup seal", sealed.stdout),
    ] {
        let told = json!({
            "sha256": sha256(&file),
            "bytes": file.len(),
            "key": sha256(&key),
            "since": day(-1).to_string(),
        });
        assert_eq!(of(by), told, "and nothing else");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_recorded_is_not_there() {
    let app = TestApp::start().await;
    let desk = Desk::of(&app);
    let refuse = "ALTER TABLE countersign.audit_entries \
         ADD CONSTRAINT no_backups CHECK (action <> 'backup.created') NOT VALID";
    app.test_database
        .superuser()
        .await
        .execute(refuse)
        .await
        .unwrap();
    for (command, program) in [("create", &[][..]), ("seal", &["--", "echo", "x"])] {
        let command = ["backup", command, "--out", "books.age"];
        let said = desk.refused(&[&command, program].concat());
        assert!(said.contains("can not be recorded"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_fails_leaves_nothing() {
    let app = TestApp::start().await;
    let desk = Desk::of(&app);
    let key = desk.key("another.key");
    let create = ["backup", "create", "--out", "books.age"];
    let nowhere = desk.owner_url().replace(&desk.database, "nowhere");
    desk.configure_with(&[(&key, day(0))], &nowhere, &program("pg_dump"));
    let said = desk.refused(&create);
    assert!(
        said.contains("`pg_dump` ended") && said.contains("\"nowhere\""),
        "{said}"
    );
    for (end, told) in [("exit 3", "exit status: 3"), ("kill -9 $$", "signal: 9")] {
        let half = desk.script("half", &format!("echo PGDMP and a half\n{end}\n"));
        desk.configure_with(&[(&key, day(0))], &desk.owner_url(), &half);
        let said = desk.refused(&create);
        assert!(said.contains(told), "{said}");
    }
    desk.configure_with(
        &[(&key, day(0))],
        &desk.owner_url(),
        "/nowhere/pg_dump".as_ref(),
    );
    let said = desk.refused(&create);
    assert!(said.contains("`backups.pg_dump`"), "{said}");
    // A role that row-level security keeps rows from.
    let books = app.test_database.url("countersign_books");
    desk.configure_with(&[(&key, day(0))], &books, &program("pg_dump"));
    let said = desk.refused(&create);
    assert!(said.contains("`pg_dump` ended"), "{said}");
    assert_eq!(recorded(&app).await.len(), 0);
    // Somebody's file is not replaced.
    desk.configure(&[(&key, day(0))]);
    desk.put("books.age", b"somebody's");
    let said = desk.refused(&create);
    assert!(said.contains("`books.age` is there already"), "{said}");
    assert_eq!(desk.get("books.age"), b"somebody's");
    let said = desk.refused(&["backup", "key", "--out", "another.key"]);
    assert!(said.contains("is there already"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_to_stop_takes_along_what_it_began() {
    let app = TestApp::start().await;
    let desk = Desk::of(&app);
    let key = desk.key("another.key");
    let slow = desk.script("slow", "echo PGDMP and a half\nexec sleep 60\n");
    desk.configure_with(&[(&key, day(0))], &desk.owner_url(), &slow);
    let before = desk.names();
    for signal in ["TERM", "INT", "HUP", "QUIT"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-under-test"));
        command.args(["backup", "create", "--out", "books.age"]);
        let command = command.stderr(Stdio::piped()).current_dir(&desk.folder);
        let child = command.spawn().unwrap();
        let began = || desk.names().iter().any(|name| name.ends_with(".partial-0"));
        for _ in 0..300 {
            if began() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(
            began(),
            "beside its name, and not under it: {:?}",
            desk.names()
        );
        // Until the dump runs, which is when it listens.
        tokio::time::sleep(Duration::from_secs(2)).await;
        process::send(child.id(), signal);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{signal}: {said}");
        assert!(said.contains("told to stop"), "{signal}: {said}");
        assert_eq!(desk.names(), before, "{signal}");
    }
}

/// What is made otherwise is a backup where whoever made it says so.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_is_kept_where_its_program_ends_well() {
    let app = TestApp::start().await;
    let desk = Desk::of(&app);
    let seal = ["backup", "seal", "--out", "base.age"];
    for (program, told) in [
        (
            &["sh", "-c", "echo half; echo why >&2; exit 3"][..],
            "`sh` ended with exit status: 3",
        ),
        (&["sh", "-c", "echo half; kill -9 $$"], "signal: 9"),
        (&["nowhere-at-all"], "`nowhere-at-all` can not be run"),
        (&["true"], "there is nothing to encrypt"),
    ] {
        let said = desk.refused(&[&seal[..], &["--"], program].concat());
        assert!(said.contains(told), "{said}");
    }
    // Nor is what came from a pipe that nothing came through.
    let said = desk.refused(&seal);
    assert!(said.contains("there is nothing to encrypt"), "{said}");
    let usage = desk.run(&["backup", "seal", "--", "echo", "x"]);
    assert!(
        usage.code == 2 && usage.stderr.contains("--out"),
        "{}",
        usage.stderr
    );
    assert_eq!(recorded(&app).await, [] as [Value; 0]);

    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-under-test"));
    let print = "printf '%s' \"$0 $OF_THE_DESK $COUNTERSIGN__OIDC__CLIENT_SECRET\"";
    command
        .args([&seal[..], &["--", "sh", "-c", print, "a base backup"]].concat())
        .env("OF_THE_DESK", "of the desk")
        .env("COUNTERSIGN__OIDC__CLIENT_SECRET", "hunter3-of-ours")
        .current_dir(&desk.folder);
    let ended = super::run(&mut command, b"");
    assert_eq!(ended.code, 0, "{}", ended.said());
    let opened = desk.run(&["backup", "open", "base.age", "--identity", "backups.key"]);
    assert_eq!(opened.stdout, b"a base backup of the desk ");
    assert_eq!(recorded(&app).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_argument_and_only_its_own_in_the_environment() {
    let app = TestApp::start().await;
    let desk = Desk::of(&app);
    let key = desk.key("another.key");
    let owner = desk.owner_url();
    let (_, place) = owner.split_once('@').unwrap();
    let owner = format!("postgres://postgres:hunter2%2Fof-ours@{place}");
    let told = "cd \"$(dirname \"$0\")\"\necho \"$@\" > argv\nenv > env\necho PGDMP\n";
    let script = desk.script("pg_dump", told);
    desk.configure_with(&[(&key, day(0))], &owner, &script);
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-under-test"));
    command
        .args(["backup", "create", "--out", "books.age"])
        .env("COUNTERSIGN__OIDC__CLIENT_SECRET", "hunter3-of-ours")
        .env("PGHOST", "elsewhere.example")
        .env("PGSERVICE", "elsewhere")
        .current_dir(&desk.folder);
    let ended = super::run(&mut command, b"");
    assert_eq!(ended.code, 0, "{}", ended.said());
    let text = |name| String::from_utf8(desk.get(name)).unwrap();
    let (arguments, environment) = (text("argv"), text("env"));
    assert_eq!(arguments, "--format=custom --no-password\n");
    let has = |line: &str| environment.lines().any(|found| found == line);
    assert!(has("PGPASSWORD=hunter2/of-ours"), "{environment}");
    assert!(has("PGHOST=127.0.0.1"), "{environment}");
    assert!(
        has(&format!("PGDATABASE={}", desk.database)),
        "{environment}"
    );
    for foreign in ["COUNTERSIGN", "hunter3", "PGSERVICE", "elsewhere"] {
        assert!(!environment.contains(foreign), "{environment}");
    }
    assert!(!ended.said().contains("hunter"), "{}", ended.said());
}
