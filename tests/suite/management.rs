//! The operator's port: what it tells, and that the public one does not.

use std::{env, fs, path::PathBuf, process::Command, sync::Arc};

use actix_web::{http::Method, test::TestRequest};
use chrono::{DateTime, Utc};
use countersign::{
    backups::Pair,
    config::Config,
    doctor,
    http::management::{self, OPERATOR},
};
use countersign_domain::access::{Role, Scope};
use countersign_entities::{Clock, Database, KeyEncryptionKey, SystemClock, SystemIds};
use countersign_tests::{Bucket, Reply, TestApp, cluster};
use serde_json::{Value, json};
use sqlx::Executor;

use crate::{books::books, policies::Folder};

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_are_on_a_port_of_their_own() {
    let app = TestApp::start().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        let own = app.http().get(format!("{}{path}", app.management())).send();
        assert_eq!(own.await.unwrap().status().as_u16(), 200, "{path}");
        let public = app.http().get(format!("{}{path}", app.url())).send();
        assert_eq!(public.await.unwrap().status().as_u16(), 404, "{path}");
    }
    let verbose = format!("{}/readyz?verbose", app.management());
    let verbose = app.http().get(verbose).send().await.unwrap();
    let verbose: Value = serde_json::from_str(&verbose.text().await.unwrap()).unwrap();
    assert_eq!(verbose["checks"]["database"], true);
    assert_eq!(verbose["checks"]["isolation"], true);
    assert_eq!(
        verbose["checks"]["provider"], false,
        "the provider of this test is away"
    );
    assert_eq!(verbose["status"], "ready", "which makes nobody unready");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operators_port_refuses_is_a_problem_like_any_other() {
    let app = TestApp::start().await;
    for (method, path, status, allow) in [
        ("POST", "/livez", 405, Some("GET, HEAD")),
        ("PUT", "/readyz", 405, Some("GET, HEAD")),
        ("DELETE", "/metrics", 405, Some("GET, HEAD")),
        ("GET", "/policies/reload", 405, Some("POST")),
        ("POST", "/policies/reload", 400, None),
        ("GET", "/readyz?verbose=1&verbose=2", 400, None),
        ("GET", "/graphql", 404, None),
        ("POST", "/", 404, None),
    ] {
        let url = format!("{}{path}", app.management());
        let request = app.http().request(method.parse().unwrap(), url);
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(reply.headers["content-type"], "application/problem+json");
        let allowed = reply
            .headers
            .get("allow")
            .map(|value| value.to_str().unwrap());
        assert_eq!(allowed, allow, "{method} {path}");
        let request = reply.headers["x-request-id"].to_str().unwrap();
        assert_eq!(reply.body["requestId"], request, "{method} {path}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        let head = app.http().head(format!("{}{path}", app.management()));
        let head = head.send().await.unwrap();
        assert_eq!(head.status().as_u16(), 200, "{path}");
        assert!(head.bytes().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_port_answers_this_machine_and_the_networks_that_are_named() {
    let app = TestApp::start_with(real_time(), |toml| {
        let networks = "management_networks = [\"10.0.0.0/8\", \"fd00::/8\"]\n[database]";
        toml.replace(
            "management_listen = \"127.0.0.1",
            "management_listen = \"0.0.0.0",
        )
        .replace("[database]", networks)
    })
    .await;
    let server = actix_web::test::init_service(management::app(&app.shared())).await;
    for (peer, status) in [
        ("127.0.0.1:1", 200),
        ("[::1]:1", 200),
        ("10.9.8.7:1", 200),
        ("[::ffff:10.9.8.7]:1", 200),
        ("[fd00::7]:1", 200),
        ("192.0.2.7:1", 403),
        ("[2001:db8::7]:1", 403),
    ] {
        for path in ["/livez", "/readyz", "/metrics", "/policies/reload"] {
            let request = TestRequest::with_uri(path).peer_addr(peer.parse().unwrap());
            let request = if path.starts_with("/policies") {
                request.method(Method::POST)
            } else {
                request
            };
            let request = request
                .insert_header((OPERATOR, "olga"))
                // Nobody is believed to be a proxy here.
                .insert_header(("x-forwarded-for", "127.0.0.1"));
            let answer = actix_web::test::call_service(&server, request.to_request()).await;
            assert_eq!(answer.status().as_u16(), status, "{peer} {path}");
            assert!(
                answer.headers().contains_key("x-request-id"),
                "{peer} {path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_and_name_nobody() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let query = "{ transactions(first: 50) { nodes { amount counterparty } } }";
    assert_eq!(books.worker.graphql(query, json!({})).await.status, 200);
    let refused = books
        .worker
        .graphql("{ members { nodes { id } } }", json!({}))
        .await;
    assert_eq!(refused.error_code(), Some("FORBIDDEN"));
    let ok = "countersign_graphql_operations_total{code=\"ok\",kind=\"query\"}";
    let forbidden = "countersign_graphql_operations_total{code=\"FORBIDDEN\",kind=\"query\"}";
    assert!(app.metric(ok).await >= 1);
    assert_eq!(app.metric(forbidden).await, 1);
    assert!(
        app.metric("countersign_graphql_redacted_fields_total")
            .await
            > 0
    );
    let token = books.owner.token(&[Scope::BasicRead]).await;
    let text = app.http().get(format!("{}/metrics", app.management()));
    let text = text.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("route=\"/graphql\""), "{text}");
    let person = app.person(&books.tenant, Role::Worker, "wanda").await;
    for secret in [
        books.tenant.slug.as_str(),
        &books.tenant.id.to_string(),
        &person.user.to_string(),
        &token.plain,
        "usr_",
        "ten_",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_is_wrong_and_what_to_do() {
    let mut given = String::new();
    let app = TestApp::start_with(real_time(), |toml| {
        let key = Pair::generate().recipient();
        let since = real_time().date_naive();
        let keys = format!("[{{ recipient = \"{key}\", since = \"{since}\" }}]");
        given = format!("{toml}[backups]\nkeys = {keys}\n");
        given.clone()
    })
    .await;
    let explained = |kek: [u8; 32], toml: String| {
        let kek = KeyEncryptionKey::new(kek);
        async move {
            let config = Config::from_toml(&toml).unwrap();
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let ids = Arc::new(SystemIds);
            let storage = config.storage();
            let database = Database::connect(storage, kek, Arc::clone(&clock), ids).await;
            let found = doctor::examine(&config, &database.unwrap(), &clock).await;
            found.unwrap()
        }
    };
    let examine = |kek: [u8; 32], toml: String| {
        let found = explained(kek, toml);
        async move {
            let found = found.await.into_iter();
            let found = found.filter_map(|one| one.fault.map(|_| one.what));
            found.collect::<Vec<_>>()
        }
    };
    let own: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let provider = "OpenID provider and its keys";
    assert_eq!(
        examine(own, given.clone()).await,
        [provider],
        "it is away in this test"
    );
    let (_, listens) = app.management().split_once("//").unwrap();
    let listens = format!("management_listen = \"{listens}\"");
    let here = given.replace("management_listen = \"127.0.0.1:0\"", &listens);
    assert_eq!(examine(own, here.clone()).await, [provider]);
    let folder = Folder::copy("doctor");
    folder.let_workers_see_amounts();
    let named = |settings: &str| {
        let folder = format!("{settings}folder = \"{}\"\n", folder.0.display());
        here.replace("uncertified = true\n", &folder)
    };
    let drifted = examine(own, named("uncertified = true\n")).await;
    assert_eq!(drifted, ["policies of the running server", provider]);
    let unproved = examine(own, named("uncertified = false\n")).await;
    assert_eq!(unproved, ["policies", provider]);
    let networks = |network: &str| {
        let networks = format!("management_networks = [\"{network}\"]\n[database]");
        here.replace(
            "management_listen = \"127.0.0.1",
            "management_listen = \"0.0.0.0",
        )
        .replace("[database]", &networks)
    };
    let told = "operator's port: plain HTTP, for this machine and `http.management_networks`";
    assert_eq!(examine(own, networks("10.0.0.0/8")).await, [provider]);
    assert_eq!(examine(own, networks("0.0.0.0/0")).await, [told, provider]);
    let wrong = examine([9; 32], given.clone()).await;
    assert_eq!(wrong, ["key-encryption key", provider]);
    let scratch = Scratch::make();
    let earlier = scratch.program("echo pg_dump '(PostgreSQL)' 9.6.24");
    let kek = given.lines().find(|line| line.starts_with("kek = "));
    let kek = kek.unwrap();
    for (keeper, settings, program, fault) in [
        ("`keys.kek`", kek, "false", "it fails at once"),
        (
            "`keys.aws`",
            "aws = { region = \"eu-central-1\", key_id = \"arn\" }",
            "true",
            "it does not tell its version",
        ),
        (
            "`keys.google`",
            "google = { key = \"projects/1\" }",
            "sort",
            "it does not tell its version",
        ),
        (
            "`keys.vault`",
            "vault = { address = \"https://vault\", token = \"t\", key = \"k\" }",
            earlier.to_str().unwrap(),
            "it is of PostgreSQL 9",
        ),
    ] {
        let program = format!("[backups]\npg_dump = \"{program}\"");
        let other = given.replace(kek, settings).replace("[backups]", &program);
        let found = explained([9; 32], other).await;
        let of = |what| found.iter().find(|one| one.what == what).unwrap();
        let key = of("key-encryption key");
        assert!(key.fault.is_some(), "{key:?}");
        assert!(key.advice.contains(keeper), "{key:?}");
        let program = of("program that backups are made with");
        let told = program.fault.as_deref().unwrap_or_default();
        assert!(told.contains(fault), "{program:?}");
    }
    let published = |folder: &str| {
        let folder = scratch.0.join(folder);
        format!("{given}[audit]\ncheckpoints = \"{}\"\n", folder.display())
    };
    let place = "place of checkpoints";
    for good in ["there", "yet/to/be/made"] {
        assert_eq!(examine(own, published(good)).await, [provider], "{good}");
    }
    let below = published("file/below");
    assert_eq!(examine(own, below).await, [place, provider]);
    let left: Vec<_> = scratch.0.join("there").read_dir().unwrap().collect();
    assert!(left.is_empty() && !scratch.0.join("yet").exists());
    let bucket = Bucket::start();
    let named = format!("{given}{}", bucket.configuration(""));
    assert_eq!(examine(own, named.clone()).await, [provider]);
    bucket.trouble(1, 403);
    assert_eq!(examine(own, named).await, [place, provider]);
    assert!(bucket.objects().is_empty());
    let redis = format!("{given}[limits]\nredis_url = \"redis://127.0.0.1:9\"\n");
    assert_eq!(examine(own, redis.clone()).await, [provider, "redis"]);
    let authority = format!("{redis}redis_authority = \"/nowhere.pem\"\n");
    let found = explained(own, authority).await;
    let redis = found.iter().find(|one| one.what == "redis").unwrap();
    let fault = redis.fault.as_ref().unwrap();
    assert!(fault.contains("`limits.redis_authority`"), "{fault}");
    // What `serve` would not start with, or a backup not be made with.
    let bad = format!("{given}[limits]\nredis_url = \"nowhere\"\n[sentry]\ndsn = \"none\"\n");
    let bad = format!("{bad}[graphql]\ndocuments = [\"/nowhere.json\"]\n");
    let bad = bad.replace("[backups]", "[backups]\npg_dump = \"/nowhere\"");
    let found = examine(own, bad).await;
    assert_eq!(
        found,
        [
            provider,
            "redis",
            "published documents",
            "address of Sentry",
            "program that backups are made with",
        ]
    );
    let owned = |url: &str| {
        let owner = format!("[database]\nowner_url = \"{url}\"\n");
        given.replace("[database]\n", &owner)
    };
    let url = cluster().admin_url(&app.test_database.name);
    assert_eq!(examine(own, owned(&url)).await, [provider]);
    let wrong = url.replace("postgres:", "postgres:x");
    let wrong = examine(own, owned(&wrong)).await;
    assert_eq!(wrong, ["database, as its owner", provider]);
    let mut superuser = app.test_database.superuser().await;
    let open = "ALTER TABLE countersign.accounts NO FORCE ROW LEVEL SECURITY";
    superuser.execute(open).await.unwrap();
    assert_eq!(
        examine(own, given).await,
        ["isolation of tenants", provider]
    );
}

/// A folder with a folder and a file in it, which goes away with this.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Self {
        let name = format!("countersign-doctor-{}", std::process::id());
        let scratch = Self(env::temp_dir().join(name));
        fs::create_dir_all(scratch.0.join("there")).unwrap();
        fs::write(scratch.0.join("file"), "").unwrap();
        scratch
    }

    /// A program that does that.
    fn program(&self, what: &str) -> PathBuf {
        let path = self.0.join("program");
        // By another process: who has just written a program can not always run it yet.
        let script = "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod +x \"$1\"";
        let mut writing = Command::new("sh");
        writing.args(["-c", script, "sh"]).arg(&path).arg(what);
        assert!(writing.status().unwrap().success());
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "PostgreSQL lives in real time")]
fn real_time() -> DateTime<Utc> {
    Utc::now()
}
