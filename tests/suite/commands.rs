//! What the operator's commands say, as they are run: a program with arguments, an exit code, and text.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use countersign_domain::access::Role;
use countersign_tests::{TestApp, configuration};
use serde_json::json;
use sqlx::Executor;

mod arguments;
mod configuration;
mod keys;

/// A folder with the configuration of a test's product.
struct Operator(PathBuf);

impl Operator {
    fn of(app: &TestApp) -> Self {
        let operator = Self::without_configuration();
        operator.put("countersign.toml", &configuration(&app.test_database));
        operator
    }

    fn without_configuration() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-test-{}-operator-{n}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_countersign-under-test"));
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.0);
        command
    }

    /// Runs a command in the folder; its exit code, what it says, and which faults it tells.
    fn heard(&self, arguments: &[&str]) -> (i32, String, String) {
        heard(&mut self.command(arguments))
    }

    /// The same, with both in one.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let (code, said, faults) = self.heard(arguments);
        (code, said + &faults)
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.run(arguments);
        assert_eq!(code, 0, "{said}");
        said
    }

    fn failed(&self, code: i32, arguments: &[&str]) -> String {
        let (found, said) = self.run(arguments);
        assert_eq!(found, code, "{said}");
        said
    }

    fn put(&self, name: &str, content: &str) {
        fs::write(self.0.join(name), content).unwrap();
    }
}

fn heard(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_says_who_else_knows_and_takes_no_emptied_log_for_a_good_one() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let operator = Operator::of(&app);
    let none = "no witness outside of the database: ";
    let said = operator.done(&["ledger", "verify"]);
    assert_eq!(said.matches(none).count(), 2, "of each chain: {said}");
    let (_, said) = operator.run(&["doctor"]);
    assert!(
        said.contains("warning witness of the audit log outside of the database: there is none")
            && said.contains("`audit.checkpoints`"),
        "{said}"
    );

    let toml = fs::read_to_string(operator.0.join("countersign.toml")).unwrap();
    operator.put(
        "countersign.toml",
        &format!("{toml}[audit]\ncheckpoints = \"checkpoints\"\n"),
    );
    fs::create_dir(operator.0.join("checkpoints")).unwrap();
    let said = operator.done(&["ledger", "verify"]);
    assert!(said.contains("`ledger checkpoint` publishes one"), "{said}");
    operator.done(&["ledger", "checkpoint"]);
    let said = operator.done(&["ledger", "verify"]);
    assert!(
        said.contains("as the published checkpoint") && !said.contains("no witness"),
        "{said}"
    );
    let (_, said) = operator.run(&["doctor"]);
    assert!(said.contains("ok      witness of the audit log"), "{said}");

    operator.put("countersign.toml", &toml);
    let mut superuser = app.test_database.superuser().await;
    let emptied = "SET session_replication_role = replica; DELETE FROM countersign.audit_entries; \
        DELETE FROM countersign.audit_checkpoints; \
        UPDATE countersign.audit_heads SET seq = 0, hash = decode(repeat('00', 32), 'hex')";
    superuser.execute(sqlx::raw_sql(emptied)).await.unwrap();
    let said = operator.failed(1, &["ledger", "verify"]);
    let fault = format!("{}: FAULT: the chain does not begin with", tenant.slug);
    assert!(
        said.contains(&fault) && said.contains("operator: FAULT"),
        "{said}"
    );
    let (_, said) = operator.run(&["doctor"]);
    assert!(said.contains("FAILED  audit log of the operator"), "{said}");
}

/// A checkpoint convicts also where a newer one was published over it, as releases before this one did.
#[tokio::test(flavor = "multi_thread")]
async fn every_checkpoint_that_is_published_is_verified() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let operator = Operator::of(&app);
    let toml = fs::read_to_string(operator.0.join("countersign.toml")).unwrap();
    let toml = format!("{toml}[audit]\ncheckpoints = \"checkpoints\"\n");
    operator.put("countersign.toml", &toml);
    let folder = operator.0.join("checkpoints").join(tenant.id.to_string());
    let grow = || drop(operator.done(&["keys", "rotate", "--tenant", &tenant.slug]));
    operator.done(&["ledger", "checkpoint"]);
    grow();
    operator.done(&["ledger", "checkpoint"]);
    let verify = ["ledger", "verify", "--tenant", &tenant.slug];
    let said = operator.done(&verify);
    assert!(
        said.contains("as the 2 published checkpoints say"),
        "{said}"
    );

    let notes = fs::read_dir(&folder).unwrap();
    let names = notes.map(|entry| entry.unwrap().file_name().display().to_string());
    let sizes = names.filter_map(|name| name.parse::<u64>().ok());
    let size = sizes.max().unwrap();
    let convicting = fs::read(folder.join(size.to_string())).unwrap();
    let cut = format!(
        "SET session_replication_role = replica; \
         DELETE FROM countersign.audit_entries WHERE tenant_id = '{tenant}' AND seq >= {size}; \
         DELETE FROM countersign.audit_checkpoints WHERE tenant_id = '{tenant}' AND size >= {size}; \
         UPDATE countersign.audit_heads h SET seq = e.seq, hash = e.hash FROM countersign.audit_entries e \
         WHERE h.tenant_id = '{tenant}' AND e.tenant_id = h.tenant_id AND e.seq = {size} - 1",
        tenant = tenant.id.uuid()
    );
    let mut superuser = app.test_database.superuser().await;
    superuser.execute(sqlx::AssertSqlSafe(cut)).await.unwrap();
    let said = operator.failed(1, &verify);
    assert!(said.contains("the end is cut off"), "{said}");
    grow();
    grow();
    // The command of this release publishes nothing, and says what is known elsewhere.
    let said = operator.failed(1, &["ledger", "checkpoint", "--tenant", &tenant.slug]);
    assert!(said.contains("says otherwise"), "{said}");
    let (_, said) = operator.run(&["doctor"]);
    assert!(said.contains("FAILED  witness of the audit log"), "{said}");
    fs::remove_dir_all(&folder).unwrap();
    operator.done(&["ledger", "checkpoint"]);
    operator.done(&verify);
    fs::write(folder.join(size.to_string()), convicting).unwrap();
    let said = operator.failed(1, &verify);
    let fault = format!("northwind: FAULT: the first {size} rows are not those");
    assert!(said.contains(&fault), "{said}");
    assert!(said.contains("`countersign backup restored`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_replace_no_file_and_faults_name_what_was_given() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let operator = Operator::of(&app);
    let key = operator.done(&["ledger", "key", "--tenant", &tenant.slug]);
    operator.put("acme.vkey", &key);
    let export = [
        "ledger",
        "export",
        "--tenant",
        &*tenant.slug,
        "--out",
        "log.jsonl",
    ];
    operator.put("log.jsonl", "somebody's");
    let said = operator.failed(1, &export);
    assert!(said.contains("`log.jsonl` is there already"), "{said}");
    assert_eq!(
        fs::read_to_string(operator.0.join("log.jsonl")).unwrap(),
        "somebody's"
    );
    let log = json!({ "action": "audit.exported" });
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    assert_eq!(
        crate::audit::log(&owner, log).await.len(),
        0,
        "nothing was exported"
    );
    fs::remove_file(operator.0.join("log.jsonl")).unwrap();
    operator.done(&export);
    let verify = [
        "ledger",
        "verify",
        "--export",
        "log.jsonl",
        "--key",
        "acme.vkey",
    ];
    assert!(operator.done(&verify).contains("rows verify"));

    let said = operator.failed(2, &[&export[..], &["--actor", "olivia"]].concat());
    assert!(
        said.contains("--actor") && said.contains("it is an id"),
        "{said}"
    );
    assert!(!said.contains("actorId"), "{said}");
    let said = operator.failed(2, &[&export[..], &["--action", "Olivia!"]].concat());
    assert!(
        said.contains("--action") && said.contains("two words"),
        "{said}"
    );
    let said = operator.failed(2, &["ledger", "verify", "--from", "0"]);
    assert!(
        said.contains("--from") && said.contains("counted from 1"),
        "{said}"
    );
    let beyond = [
        "ledger",
        "verify",
        "--tenant",
        &*tenant.slug,
        "--from",
        "700",
    ];
    let said = operator.failed(1, &beyond);
    assert!(said.contains("the log ends before row 700"), "{said}");
    // What is not there is no fault of a log.
    for kind in ["--export", "--proof"] {
        let (code, out, errors) =
            operator.heard(&["ledger", "verify", kind, "nowhere", "--key", "acme.vkey"]);
        assert!(code == 1 && out.is_empty(), "{out}");
        assert!(errors.contains("`nowhere` can not be read"), "{errors}");
    }
}

/// Whoever gives a file of another kind is told so, and not what a parser met in it.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_another_kind_are_told_in_words() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let operator = Operator::of(&app);
    operator.put(
        "acme.vkey",
        &operator.done(&["ledger", "key", "--tenant", &tenant.slug]),
    );
    for (junk, export, proof) in [
        ("", "no manifest", "no proof"),
        ("{\"a\": 1}\n", "no manifest", "no proof"),
        ("{\"manifest\":\n", "the manifest is damaged", "no proof"),
        ("{\"manifest\": 7}\n", "the manifest is damaged", "no proof"),
        (
            "{\"checkpoint\": \"x\", \"hashes\": []}",
            "no manifest",
            "no signed note",
        ),
    ] {
        operator.put("junk", junk);
        for (kind, told) in [("--export", export), ("--proof", proof)] {
            let said =
                operator.failed(1, &["ledger", "verify", kind, "junk", "--key", "acme.vkey"]);
            assert!(said.contains(told), "{kind} {junk}: {said}");
            for inside in ["line 1", "column", "EOF", "expected", "invalid type"] {
                assert!(!said.contains(inside), "{kind} {junk}: {said}");
            }
        }
    }
    let said = operator.failed(
        1,
        &["ledger", "verify", "--export", "acme.vkey", "--key", "junk"],
    );
    assert!(said.contains("no key of Ed25519"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn name_of_whoever_reloads_policies_is_judged_as_an_argument() {
    let app = TestApp::start().await;
    let operator = Operator::of(&app);
    let long = "o".repeat(65);
    for name in ["otto the operator", "", &long, "o\u{e9}"] {
        let said = operator.failed(2, &["policy", "reload", "--by", name]);
        assert!(
            said.contains("--by") && said.contains("1 to 64 letters"),
            "{said}"
        );
        assert!(!said.to_lowercase().contains("header"), "{said}");
    }
}
