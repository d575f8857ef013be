//! Other policies take the place of those that serve, while the server runs (AUT-1, AUT-4).

mod replay;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, id},
    time::Duration,
};

use clap::Parser;
use countersign::{
    command::{Cli, dispatch},
    server,
};
use countersign_domain::{access::Role, id::TenantId};
use countersign_policies::{Certificate, Engine};
use countersign_tests::{Browser, Reply, TestApp, TestTenant};
use serde_json::{Value, json};
use sqlx::Executor;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{audit::log, books::books};

const AMOUNTS: &str = "{ transactions(first: 50) { nodes { amount } } policySet { version certificate { solvers } } }";

/// A folder of policies that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// A copy of the product's own.
    pub(crate) fn copy(name: &str) -> Self {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
        let folder = env::temp_dir().join(format!("countersign-{}-{name}", id()));
        fs::create_dir_all(folder.join("cedar")).unwrap();
        for entry in fs::read_dir(own.join("cedar")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            fs::copy(&path, folder.join("cedar").join(name)).unwrap();
        }
        fs::copy(
            own.join("certificate.json"),
            folder.join("certificate.json"),
        )
        .unwrap();
        Self(folder)
    }

    pub(crate) fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.0.join("cedar").join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} in {file}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Lets workers see every amount of the company.
    pub(crate) fn let_workers_see_amounts(&self) {
        self.change(
            "sensitive.cedar",
            "principal in [Countersign::Role::\"worker\", Countersign::Role::\"family\"] &&\n  resource has custodian &&\n  resource.custodian == principal",
            "principal in [Countersign::Role::\"worker\", Countersign::Role::\"family\"]",
        );
    }

    pub(crate) async fn start(&self, uncertified: bool) -> TestApp {
        let folder = self.0.display().to_string();
        let settings = format!("uncertified = {uncertified}\nfolder = \"{folder}\"\n");
        let now = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        TestApp::start_with(now, |toml| toml.replace("uncertified = true\n", &settings)).await
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

async fn reload(app: &TestApp, by: Option<&str>) -> Reply {
    let url = format!("{}/policies/reload", app.management());
    let request = app.http().post(url);
    let request = match by {
        Some(by) => request.header("countersign-operator", by),
        None => request,
    };
    Reply::of(request.send().await.unwrap()).await
}

/// Amounts that somebody sees.
async fn amounts(by: &Browser) -> usize {
    let reply = by.graphql(AMOUNTS, json!({})).await;
    let nodes = reply.data()["transactions"]["nodes"]
        .as_array()
        .unwrap()
        .clone();
    nodes
        .iter()
        .filter(|node| node["amount"].is_string())
        .count()
}

/// Somebody who may read the operator's own log.
async fn operator(app: &TestApp) -> Browser {
    let tenant = TestTenant {
        id: TenantId::OPERATOR,
        slug: "operator".to_owned(),
    };
    app.person(&tenant, Role::Auditor, "olga").await
}

async fn changes(operator: &Browser) -> Vec<(String, String, Value)> {
    let rows = log(operator, json!({ "action": "policies.changed" })).await;
    let told = rows.iter().map(|row| {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let payload = serde_json::from_str(&text("payload")).unwrap();
        (text("actorId"), text("outcome"), payload)
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn other_policies_serve_from_the_next_request_on_and_who_changed_them_is_recorded() {
    let folder = Folder::copy("serve");
    let app = folder.start(true).await;
    let books = books(&app).await;
    let operator = operator(&app).await;
    let before = app.engine().version().to_owned();
    assert_eq!(before, Engine::embedded().unwrap().version());
    let seen = amounts(&books.worker).await;
    assert!(seen > 0);
    let mut events = books
        .accountant
        .listen("subscription { importProgressed { stage } }")
        .await;
    events.opened().await;

    folder.let_workers_see_amounts();
    // Accountants may no longer ask for anything basic.
    folder.change(
        "humans.cedar",
        "   Countersign::Role::\"accountant\",\n",
        "",
    );
    assert_eq!(amounts(&books.worker).await, seen, "nobody told the server");
    let nobody = reload(&app, None).await;
    assert_eq!(
        (nobody.status, nobody.error_code()),
        (400, Some("BAD_REQUEST"))
    );
    assert_eq!(amounts(&books.worker).await, seen);

    let told = reload(&app, Some("maria")).await;
    assert_eq!(told.status, 200, "{:?}", told.body);
    let after = app.engine().version().to_owned();
    assert_ne!(before, after);
    let said = json!({ "from": before, "to": after, "certified": false });
    assert_eq!(told.body, said);
    assert!(amounts(&books.worker).await > seen);
    // Whoever listens is decided by the new ones at the next look.
    let answer = events.answer().await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "FORBIDDEN",
        "{answer}"
    );
    let set = books.worker.graphql(AMOUNTS, json!({})).await;
    let set = &set.data()["policySet"];
    assert_eq!(*set, json!({ "version": after, "certificate": null }));

    // Rows of the log name the policies that decided.
    let rows = log(&books.owner, json!({ "action": "books.read" })).await;
    let named = |version: &str| rows.iter().filter(|row| row["policies"] == version).count();
    assert!(named(&before) > 3 && named(&after) >= 2, "{rows:?}");
    assert_eq!(rows[0]["policies"], after);

    let done = ("policy reload: maria".to_owned(), "DONE".to_owned(), said);
    assert_eq!(changes(&operator).await, [done]);
    let ready = app.http().get(format!("{}/readyz", app.management()));
    let ready = Reply::of(ready.send().await.unwrap()).await;
    assert_eq!(ready.body["policies"], after);
    let serves = |version: &str| format!("countersign_policy_set{{version=\"{version}\"}}");
    assert_eq!(app.metric(&serves(&after)).await, 1);
    assert_eq!(app.metric(&serves(&before)).await, 0);
    let again = reload(&app, Some("maria")).await;
    assert_eq!(again.body["from"], again.body["to"]);
    assert_eq!(changes(&operator).await.len(), 1, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_as_changed_serves_though_whoever_asked_has_left() {
    let folder = Folder::copy("left");
    let app = folder.start(true).await;
    let before = app.engine().version().to_owned();
    folder.let_workers_see_amounts();
    // Whoever records waits for the end of the operator's log.
    let mut superuser = app.test_database.superuser().await;
    let hold = "SELECT FROM countersign.audit_heads WHERE tenant_id = $1 FOR UPDATE";
    superuser.execute("BEGIN").await.unwrap();
    let hold = sqlx::query(hold).bind(TenantId::OPERATOR.uuid());
    hold.execute(&mut superuser).await.unwrap();
    let address = app.management().trim_start_matches("http://");
    let mut caller = TcpStream::connect(address).await.unwrap();
    let request = "POST /policies/reload HTTP/1.1\r\nhost: localhost\r\ncountersign-operator: maria\r\n\
                   content-length: 0\r\n\r\n";
    caller.write_all(request.as_bytes()).await.unwrap();
    let mut watcher = app.test_database.superuser().await;
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
                 AND wait_event_type = 'Lock')";
    for _ in 0..200 {
        let waits = sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut watcher);
        if waits.await.unwrap() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Not closed, but cut.
    caller.set_zero_linger().unwrap();
    drop(caller);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(app.engine().version(), before, "before it is recorded");
    superuser.execute("COMMIT").await.unwrap();
    let recorded = async || app.test_database.logged("policies.changed").await == 1;
    for _ in 0..200 {
        if recorded().await && app.engine().version() != before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("recorded: {}, and not served", recorded().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_a_check_never_serves() {
    let app_folder = Folder::copy("fails");
    let app = app_folder.start(true).await;
    let operator = operator(&app).await;
    let before = app.engine().version().to_owned();
    let head = "@id(\"t\")\n@rule(\"1\")\n@control(\"AUT-1\")\n@description(\"A test.\")\n";
    let compared = format!(
        "{head}permit (principal is Countersign::Human, action in Countersign::Action::\"read.basic\", \
         resource is Countersign::Account) when {{ resource has custodian && resource.custodian == resource.custodian }};"
    );
    let extra = "cedar/extra.cedar";
    let cases: [(&str, &str, &str); 5] = [
        (extra, "permit (", "invalid"),
        (extra, "permit (principal, action, resource);", "invalid"),
        // Two attributes of a row are not compared by any list.
        (extra, &compared, "invalid"),
        (
            "cedar/extra.cedarschema",
            "namespace Countersign { action \"Account.secret\" appliesTo { principal: [Human, Machine], \
             resource: [Account], context: Facts }; }",
            "actions",
        ),
        ("certificate.json", "{}", "invalid"),
    ];
    for (n, (file, text, why)) in cases.into_iter().enumerate() {
        let path = app_folder.0.join(file);
        let kept = fs::read_to_string(&path).ok();
        fs::write(&path, text).unwrap();
        let refused = reload(&app, Some("maria")).await;
        assert_eq!(
            (refused.status, refused.error_code()),
            (422, Some("POLICIES_REFUSED")),
            "{text}: {:?}",
            refused.body
        );
        assert_eq!(app.engine().version(), before, "{text}");
        let rows = changes(&operator).await;
        assert_eq!(rows.len(), n + 1);
        assert_eq!(rows[0].1, "REFUSED");
        assert_eq!(
            rows[0].2,
            json!({ "from": before, "reason": why }),
            "{text}"
        );
        match kept {
            Some(kept) => fs::write(&path, kept).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    }
    fs::remove_dir_all(&app_folder.0).unwrap();
    let gone = reload(&app, Some("maria")).await;
    assert_eq!(gone.error_code(), Some("POLICIES_REFUSED"));
    assert_eq!(app.engine().version(), before);
    let refused = "countersign_policy_reloads_total{outcome=\"refused\"}";
    assert_eq!(app.metric(refused).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_without_their_certificate_never_serve_and_with_it_they_do() {
    let folder = Folder::copy("certificate");
    let app = folder.start(false).await;
    let operator = operator(&app).await;
    let before = app.engine().version().to_owned();
    folder.let_workers_see_amounts();
    let refused = reload(&app, Some("maria")).await;
    assert_eq!(refused.error_code(), Some("POLICIES_REFUSED"));
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("nothing was proved of these"), "{detail}");
    assert_eq!(app.engine().version(), before);
    assert_eq!(changes(&operator).await[0].2["reason"], "uncertified");

    // As the prover would write it, had it held.
    let changed = countersign::policies::PolicyFolder::read(&folder.0).unwrap();
    let certificate = Certificate {
        policies: changed.engine().unwrap().version().to_owned(),
        ..Certificate::embedded().unwrap()
    };
    let json = serde_json::to_string(&certificate).unwrap();
    fs::write(folder.0.join("certificate.json"), json).unwrap();
    let told = reload(&app, Some("maria")).await;
    assert_eq!(told.body["to"], certificate.policies, "{:?}", told.body);
    assert_eq!(told.body["certified"], true);
    let set = operator
        .graphql(
            "{ policySet { version certificate { solvers } } }",
            json!({}),
        )
        .await;
    let set = &set.data()["policySet"];
    assert_eq!(set["version"], certificate.policies);
    assert_eq!(set["certificate"]["solvers"], json!(certificate.solvers));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_and_the_operators_command_reload_them() {
    let folder = Folder::copy("told");
    let app = folder.start(true).await;
    let operator = operator(&app).await;
    let before = app.engine().version().to_owned();
    server::reload_on_hangup(app.shared()).unwrap();
    folder.let_workers_see_amounts();
    let own = id().to_string();
    let sent = Command::new("kill").args(["-HUP", &own]).status().unwrap();
    assert!(sent.success());
    let mut waited = 0;
    while app.engine().version() == before {
        tokio::time::sleep(Duration::from_millis(50)).await;
        waited += 1;
        assert!(waited < 1_200, "nothing happened");
    }
    assert_eq!(changes(&operator).await[0].0, "SIGHUP");

    folder.change(
        "humans.cedar",
        "   Countersign::Role::\"accountant\",\n",
        "",
    );
    let file = folder.0.join("countersign.toml");
    let (_, address) = app.management().split_once("//").unwrap();
    let toml = countersign_tests::configuration(&app.test_database).replace(
        "management_listen = \"127.0.0.1:0\"",
        &format!("management_listen = \"{address}\""),
    );
    fs::write(&file, toml).unwrap();
    let file = file.display().to_string();
    let reload = [
        "countersign",
        "--config",
        &file,
        "policy",
        "reload",
        "--by",
        "otto",
    ];
    let done = dispatch(Cli::parse_from(reload)).await.unwrap();
    assert_eq!(done, ExitCode::SUCCESS);
    let rows = changes(&operator).await;
    assert_eq!(rows[0].0, "policy reload: otto");
    assert_eq!(rows[0].2["to"], app.engine().version());
    fs::write(folder.0.join("cedar/extra.cedar"), "permit (").unwrap();
    let failed = dispatch(Cli::parse_from(reload)).await.unwrap();
    assert_eq!(failed, ExitCode::FAILURE);
    fs::remove_file(folder.0.join("cedar/extra.cedar")).unwrap();

    // Replicas read for themselves: who forgets one is told.
    let forgotten = Folder::copy("forgotten");
    let other = forgotten.start(true).await;
    let (_, others) = other.management().split_once("//").unwrap();
    let mut all = reload.to_vec();
    all.extend(["--at", address, "--at", others]);
    let apart = dispatch(Cli::parse_from(&all)).await.unwrap();
    assert_eq!(apart, ExitCode::FAILURE, "they serve different policies");
    for name in ["sensitive.cedar", "humans.cedar"] {
        let file = |folder: &Folder| folder.0.join("cedar").join(name);
        fs::copy(file(&folder), file(&forgotten)).unwrap();
    }
    let together = dispatch(Cli::parse_from(&all)).await.unwrap();
    assert_eq!(together, ExitCode::SUCCESS);
    assert_eq!(other.engine().version(), app.engine().version());
    all.extend(["--at", "127.0.0.1:1"]);
    let away = dispatch(Cli::parse_from(&all)).await.unwrap();
    assert_eq!(away, ExitCode::FAILURE, "one does not answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_can_not_be_recorded_is_not_made() {
    let folder = Folder::copy("recorded");
    let app = folder.start(true).await;
    let before = app.engine().version().to_owned();
    let mut superuser = app.test_database.superuser().await;
    sqlx::query("REVOKE INSERT ON countersign.audit_entries FROM countersign_gate")
        .execute(&mut superuser)
        .await
        .unwrap();
    folder.let_workers_see_amounts();
    let failed = reload(&app, Some("maria")).await;
    assert_eq!(failed.status, 500, "{:?}", failed.body);
    assert_eq!(app.engine().version(), before);
}
