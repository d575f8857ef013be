//! Transport security, other sites' pages, and whom to tell of a weakness (NET-1, NET-2).

use std::{net::IpAddr, path::Path, process::Command};

use actix_web::test::TestRequest;
use chrono::DateTime;
use countersign::{config::Config, http};
use countersign_domain::access::{Role, Scope};
use countersign_stand::packages;
use countersign_tests::{Pair, Reply, TestApp};
use reqwest::{Certificate, Client, tls::Version};
use serde_json::json;

fn setting(pair: &Pair, version: &str) -> String {
    let (certificate, key) = (pair.certificate(), pair.key());
    let (certificate, key) = (certificate.display(), key.display());
    format!(
        "tls = {{ certificate = \"{certificate}\", key = \"{key}\", min_version = \"{version}\" }}"
    )
}

async fn app_with(http: &str) -> TestApp {
    let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    TestApp::start_with(start, |toml| {
        toml.replace("[database]", &format!("{http}\n[database]"))
            .replace("http://localhost:8080", "https://localhost:8080")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_of_version_1_3_unless_the_operator_lowers_it() {
    let pair = Pair::make("versions");
    let client = |newest| {
        let authority = Certificate::from_pem(pair.pem.as_bytes()).unwrap();
        let client = Client::builder().tls_certs_only([authority]);
        client.tls_version_max(newest).build().unwrap()
    };
    let (old, new) = (client(Version::TLS_1_2), client(Version::TLS_1_3));
    for (floor, old_is_served) in [("1.3", false), ("1.2", true)] {
        let app = app_with(&setting(&pair, floor)).await;
        let port = app.url().rsplit(':').next().unwrap().to_owned();
        let url = format!("https://localhost:{port}/errors");
        let served = new.get(&url).send().await.unwrap();
        assert_eq!(served.status().as_u16(), 200);
        assert_eq!(
            served.headers()["strict-transport-security"],
            "max-age=31536000"
        );
        assert_eq!(
            old.get(&url).send().await.is_ok(),
            old_is_served,
            "floor {floor}"
        );
        let plain = app.http().get(format!("{}/errors", app.url())).send().await;
        assert!(plain.is_err(), "plain HTTP is not answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_to_a_network_is_refused_at_the_start() {
    let mut given = String::new();
    let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    TestApp::start_with(start, |toml| {
        given = toml.clone();
        toml
    })
    .await;
    let open = given.replace("\nlisten = \"127.0.0.1:0\"", "\nlisten = \"0.0.0.0:0\"");
    let error = Config::from_toml(&open).unwrap_err().to_string();
    assert!(
        error.contains("http.listen") && error.contains("http.tls"),
        "{error}"
    );
    let proxied = "trusted_proxies = [\"10.0.0.0/8\"]\n[database]";
    assert!(Config::from_toml(&open.replace("[database]", proxied)).is_ok());
}

/// The proxy's own address in these tests; nobody else calls from there.
const PROXY: &str = "trusted_proxies = [\"127.0.0.9\"]";

/// A request as a proxy at `from`, or somebody who claims to be one, hands it on.
async fn handed_on(app: &TestApp, from: [u8; 4], protocol: &str, list: &str) -> Reply {
    let client = Client::builder().local_address(IpAddr::from(from));
    let client = client.build().unwrap();
    let request = client.post(format!("{}/graphql", app.url()));
    let request = request
        .bearer_auth("cst_forged")
        .header("x-forwarded-for", list)
        .header("x-forwarded-proto", protocol)
        .json(&json!({ "query": "{ viewer { kind } }" }));
    Reply::of(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_called_is_what_a_named_proxy_says_and_what_nobody_else_says() {
    let app = app_with(PROXY).await;
    let list = "8.8.8.8, 198.51.100.7, 127.0.0.9";
    for (from, source) in [
        ([127, 0, 0, 9], "public 198.51.100.0/24"),
        ([127, 0, 0, 1], "loopback"),
    ] {
        let reply = handed_on(&app, from, "https", list).await;
        assert_eq!(reply.status, 401, "{:?}", reply.body);
        let mut superuser = app.test_database.superuser().await;
        let recorded = "SELECT source FROM countersign.audit_entries \
                        WHERE action = 'credential.refused' ORDER BY seq DESC LIMIT 1";
        let recorded: Option<String> = sqlx::query_scalar(recorded)
            .fetch_one(&mut superuser)
            .await
            .unwrap();
        assert_eq!(recorded.as_deref(), Some(source));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_over_a_network_is_refused_whatever_it_says_of_itself() {
    let app = app_with(PROXY).await;
    let refused = handed_on(&app, [127, 0, 0, 9], "http", "198.51.100.7").await;
    assert_eq!(refused.error_code(), Some("TLS_REQUIRED"));
    assert_eq!(refused.status, 403);
    let request = refused.headers["x-request-id"].to_str().unwrap();
    assert_eq!(refused.body["requestId"], request);
    assert!(refused.headers.contains_key("content-security-policy"));

    // Past the proxy, from an address that no test has.
    let server = actix_web::test::init_service(http::app(&app.shared())).await;
    for (peer, path, status) in [
        ("203.0.113.5:1000", "/errors", 403),
        ("203.0.113.5:1000", "/graphql", 403),
        ("203.0.113.5:1000", "/bff/login", 403),
        ("203.0.113.5:1000", "/", 403),
        ("203.0.113.5:1000", "/nothing", 403),
        ("[2001:db8::1]:1000", "/errors", 403),
        ("127.0.0.9:1000", "/errors", 200),
        ("[::ffff:127.0.0.9]:1000", "/errors", 200),
        ("127.0.0.1:1000", "/errors", 200),
    ] {
        let request = TestRequest::get()
            .uri(path)
            .peer_addr(peer.parse().unwrap());
        let request = request
            .insert_header(("x-forwarded-proto", "https"))
            .insert_header(("x-forwarded-for", "127.0.0.1"));
        let answer = actix_web::test::call_service(&server, request.to_request()).await;
        assert_eq!(answer.status().as_u16(), status, "{peer} {path}");
        assert!(
            answer.headers().contains_key("x-request-id"),
            "{peer} {path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_named_origins_call_with_a_token_and_others_with_nothing() {
    let app = app_with("cors_origins = [\"https://partner.example\"]").await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.token(&[Scope::BasicRead]).await.plain;
    let url = format!("{}/graphql", app.url());
    let preflight = |origin: &'static str| {
        let request = app.http().request(reqwest::Method::OPTIONS, &url);
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            );
        async move { request.send().await.unwrap() }
    };
    let allowed = preflight("https://partner.example").await;
    let header = "access-control-allow-origin";
    assert_eq!(allowed.headers()[header], "https://partner.example");
    assert!(
        allowed
            .headers()
            .get("access-control-allow-credentials")
            .is_none()
    );
    let other = preflight("https://evil.example").await;
    assert!(other.headers().get(header).is_none(), "{other:?}");

    let request = app
        .http()
        .post(&url)
        .header("origin", "https://partner.example");
    let request = request
        .bearer_auth(&token)
        .json(&json!({ "query": "{ viewer { kind } }" }));
    let answered = request.send().await.unwrap();
    assert_eq!(answered.status().as_u16(), 200);
    assert_eq!(answered.headers()[header], "https://partner.example");
    // A cookie from the named origin is a forged request like any other.
    let request = app
        .http()
        .post(&url)
        .header("origin", "https://partner.example");
    let request = request
        .header("cookie", owner.cookie())
        .header("x-csrf", "1")
        .header("sec-fetch-site", "cross-site")
        .json(&json!({ "query": "{ viewer { kind } }" }));
    assert_eq!(request.send().await.unwrap().status().as_u16(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_finds_a_weakness_is_told_whom_to_tell() {
    let app = app_with("security_contact = \"mailto:security@books.example\"").await;
    let url = format!("{}/.well-known/security.txt", app.url());
    let text = app
        .http()
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        text.contains("Contact: mailto:security@books.example\n"),
        "{text}"
    );
    assert!(
        text.contains("Expires: 2027-"),
        "half a year from the test's clock: {text}"
    );
}

/// Mozilla Observatory grades what browsers are told: by its own tests, of the page as it is served.
#[tokio::test(flavor = "multi_thread")]
async fn observatory_gives_the_page_an_a_plus() {
    let pair = Pair::make("observatory");
    let app = app_with(&setting(&pair, "1.3")).await;
    let port = app.url().rsplit(':').next().unwrap().to_owned();
    let authority = pair.certificate();
    let run = move || {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/observatory");
        packages::install(&folder).unwrap();
        Command::new("node")
            .arg("score.mjs")
            .arg(format!("https://localhost:{port}/"))
            .arg(authority)
            .current_dir(folder)
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("grade A+,"), "{said}{errors}");
    assert!(!said.contains("FAILED"), "{said}");
}
