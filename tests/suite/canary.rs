//! Values that must not leave the books are planted everywhere, and looked for in all that leaves
//! them by the way: logs, metrics, reports, traces, errors (TEL-1 to TEL-3), and the audit log (AUD-1).

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
};

use actix_web::{test::TestRequest, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::DateTime;
use countersign::http::request_info::Requests;
use countersign_domain::access::{Role, Scope};
use countersign_tests::{Reply, TestApp, exports, logs};
use serde_json::{Value, json};
use sqlx::Executor;

use crate::{
    audit::log,
    books::{account, camt, send},
};

const MERCHANT: &str = "Canarybird Bakery";
const NUMBER: &str = "NL13TEST0123456789";
const AMOUNT: &str = "91827364.55";
const EMAIL: &str = "canarybird@example.test";
const CODE: &str = "canarybird-code";
const PROVIDER: &str = "canarybird-provider-answer";
/// Everybody who calls from here is taken for a proxy.
const PROXY: &str = "trusted_proxies = [\"127.0.0.1\"]\n[database]";

/// A provider that answers every request with what must not be repeated.
fn talkative_provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let length = PROVIDER.len();
            let head = format!("HTTP/1.1 500 No\r\ncontent-length: {length}\r\n\r\n");
            let _ = stream.write_all(format!("{head}{PROVIDER}").as_bytes());
        }
    });
    issuer
}

async fn panicking() -> &'static str {
    panic!("{MERCHANT} paid {AMOUNT}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planted_comes_out_nowhere() {
    let issuer = talkative_provider();
    let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let app = TestApp::start_with(start, |toml| {
        toml.replace("http://127.0.0.1:9", &issuer)
            .replace("[database]", PROXY)
    })
    .await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "canarybird").await;
    let worker = app.person(&tenant, Role::Worker, "other").await;
    let token = owner.token(&[Scope::BasicRead, Scope::PiiRead]).await;
    let forged = format!("{}x", &token.plain[..token.plain.len() - 1]);
    let mut errors = Vec::new();

    // The books, whole and broken.
    account(&owner, "Operating", NUMBER, None, false).await;
    let cents = AMOUNT.replace('.', "").parse().unwrap();
    let good = camt(NUMBER, "0.00", &[(cents, MERCHANT.to_owned())]);
    send(&owner, "good.xml", good.as_bytes(), json!({})).await;
    let broken = good.replace("</Document>", "");
    errors.push(send(&owner, "broken.xml", broken.as_bytes(), json!({})).await);
    errors.push(send(&worker, "refused.xml", good.as_bytes(), json!({})).await);

    // Questions that have it, and fail.
    let by_text = "query($t: String) { transactions(filter: { text: $t }) { nodes { id } } }";
    errors.push(worker.graphql(by_text, json!({ "t": MERCHANT })).await);
    errors.push(owner.graphql(by_text, json!({ "t": [MERCHANT] })).await);
    let node = "query($id: ID!) { node(id: $id) { id } }";
    errors.push(owner.graphql(node, json!({ "id": NUMBER })).await);
    let make = "mutation($n: String!) { createCategory(input: { name: $n }) { category { id } } }";
    owner.graphql(make, json!({ "n": MERCHANT })).await;
    let again = owner.graphql(make, json!({ "n": MERCHANT })).await;
    assert!(again.status == 200, "{:?}", again.body);
    for token in [forged.as_str(), CODE, EMAIL] {
        let request = app.http().post(format!("{}/graphql", app.url()));
        let request = request
            .bearer_auth(token)
            .json(&json!({ "query": "{ viewer { kind } }" }));
        errors.push(Reply::of(request.send().await.unwrap()).await);
    }
    for path in [
        format!("/bff/callback?code={CODE}&state=canarybird-state"),
        format!("/bff/login?returnUrl=/{CODE}"),
        format!("/{EMAIL}?{CODE}"),
        "/bff/login".to_owned(),
    ] {
        let request = app.http().get(format!("{}{path}", app.url()));
        errors.push(Reply::of(request.send().await.unwrap()).await);
    }
    let form = format!("logout_token={CODE}");
    let request = app
        .http()
        .post(format!("{}/bff/backchannel", app.url()))
        .body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    errors.push(Reply::of(request.send().await.unwrap()).await);

    // A listener who filters by it, and keys and headers that have it.
    let mut events = owner
        .listen(&format!(
            "subscription {{ auditEntryAdded(filter: {{ action: \"{MERCHANT}\" }}) {{ seq }} }}"
        ))
        .await;
    events.opened().await;
    drop(events);
    owner
        .graphql_with(make, json!({ "n": "Other" }), CODE)
        .await;
    let request = app
        .http()
        .get(format!("{}/graphql?query={CODE}", app.url()))
        .header("user-agent", EMAIL)
        .header("traceparent", CODE)
        .header("x-forwarded-for", EMAIL)
        .bearer_auth(&token.plain);
    errors.push(Reply::of(request.send().await.unwrap()).await);

    let method = reqwest::Method::from_bytes(b"CANARYBIRD").unwrap();
    let request = app.http().request(method, format!("{}/graphql", app.url()));
    errors.push(Reply::of(request.send().await.unwrap()).await);

    // A handler that panics with it.
    let panicking = actix_web::test::init_service(
        actix_web::App::new()
            .app_data(app.shared())
            .wrap(Requests)
            .route("/panic", web::get().to(panicking)),
    )
    .await;
    let request = TestRequest::get().uri(&format!("/panic?{CODE}"));
    let request = request
        .peer_addr(SocketAddr::from(([127, 0, 0, 1], 1)))
        .insert_header(("x-forwarded-for", EMAIL))
        .to_request();
    let answer = actix_web::test::try_call_service(&panicking, request).await;
    let answer = answer.map_or_else(
        |error| error.error_response(),
        |_| panic!("it did not panic"),
    );
    assert_eq!(answer.status(), 500);
    for name in [
        "content-security-policy",
        "x-content-type-options",
        "x-request-id",
    ] {
        assert!(answer.headers().contains_key(name), "{name}");
    }

    // Statements that the database refuses, with the row in its detail.
    let mut superuser = app.test_database.superuser().await;
    superuser
        .execute(
            "ALTER TABLE countersign.transactions ADD CONSTRAINT nothing_more CHECK (false) NOT VALID; \
             REVOKE INSERT ON countersign.categories FROM countersign_books",
        )
        .await
        .unwrap();
    let more = camt(NUMBER, AMOUNT, &[(cents, format!("{MERCHANT} again"))]);
    errors.push(send(&owner, "more.xml", more.as_bytes(), json!({})).await);
    errors.push(
        owner
            .graphql(make, json!({ "n": format!("{MERCHANT} two") }))
            .await,
    );
    let statuses: Vec<_> = errors.iter().map(|reply| reply.status).collect();
    assert!(
        statuses.contains(&401) && statuses.contains(&503),
        "{statuses:?}"
    );

    let metrics = app.http().get(format!("{}/metrics", app.management()));
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    let errors: Vec<String> = errors.iter().map(|reply| reply.body.to_string()).collect();
    let logged = logs::text();
    let (reports, traces) = (exports::reports(), exports::traces().await);
    assert!(reports.contains("a store failed"), "reports are read here");
    for part in ["POST /graphql", "graphql.document.hash", "enter", "audit"] {
        assert!(traces.contains(part), "`{part}` is in no trace");
    }
    assert!(
        logged.contains("\"answered\""),
        "what is logged is read here"
    );
    assert!(
        logged.contains("a store failed"),
        "the failures were logged"
    );
    let rows = "SELECT row_to_json(e)::text FROM countersign.audit_entries e";
    let rows: Vec<String> = sqlx::query_scalar(rows)
        .fetch_all(&mut superuser)
        .await
        .unwrap();
    for written in ["statement.imported", "credential.refused", "books.read"] {
        let is_there = rows.iter().any(|row| row.contains(written));
        assert!(is_there, "`{written}` is read here");
    }
    let encoded = STANDARD.encode(MERCHANT);
    for secret in [
        MERCHANT,
        NUMBER,
        AMOUNT,
        EMAIL,
        CODE,
        PROVIDER,
        &encoded,
        &token.plain,
        &forged,
        owner.cookie().split_once('=').unwrap().1,
        "canarybird",
        "CANARYBIRD",
    ] {
        let line = logged.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "`{secret}` is logged: {line:?}");
        assert!(!metrics.contains(secret), "`{secret}` is in the metrics");
        assert!(!reports.contains(secret), "`{secret}` is in a report");
        assert!(!traces.contains(secret), "`{secret}` is in a trace");
        let row = rows.iter().find(|row| row.contains(secret));
        assert!(row.is_none(), "`{secret}` is in the audit log: {row:?}");
        let error = errors.iter().find(|error| error.contains(secret));
        assert!(error.is_none(), "`{secret}` is in an error: {error:?}");
    }
}

/// The ids of traces are bytes on the wire, and these are texts.
fn traceparent(trace: &[u8; 16]) -> (&'static str, String) {
    let id = u128::from_be_bytes(*trace);
    ("traceparent", format!("00-{id:032x}-00f067aa0ba902b7-01"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_on_from_a_trusted_proxy_and_from_nobody_else() {
    let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let app = TestApp::start_with(start, |toml| toml.replace("[database]", PROXY)).await;
    for (last, trace) in [(1, b"TraceOfTheProxy!"), (2, b"TraceOfAStranger")] {
        let server = actix_web::App::new()
            .app_data(app.shared())
            .wrap(Requests)
            .route("/", web::get().to(async || "here"));
        let server = actix_web::test::init_service(server).await;
        let request = TestRequest::get()
            .peer_addr(SocketAddr::from(([127, 0, 0, last], 1)))
            .insert_header(traceparent(trace));
        let answer = actix_web::test::call_service(&server, request.to_request()).await;
        assert_eq!(answer.status(), 200);
    }
    let traces = exports::traces().await;
    assert!(traces.contains("TraceOfTheProxy!"));
    assert!(!traces.contains("TraceOfAStranger"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_has_one_id_in_its_answer_in_the_log_and_in_the_audit() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let worker = app.person(&tenant, Role::Worker, "worker").await;
    let token = owner.token(&[Scope::BasicRead]).await;
    let members = "{ members { nodes { id } } }";
    let mut replies = vec![
        token.graphql("{", json!({})).await,
        token.graphql("{ nothing }", json!({})).await,
        worker.graphql(members, json!({})).await,
    ];
    let mut superuser = app.test_database.superuser().await;
    let revoke = "REVOKE INSERT ON countersign.categories FROM countersign_books";
    superuser.execute(revoke).await.unwrap();
    let make = "mutation { createCategory(input: { name: \"Rent\" }) { category { id } } }";
    replies.push(owner.graphql(make, json!({})).await);
    let rows = log(&owner, json!({})).await;
    let lines: Vec<Value> = logs::text()
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let is_said = |request: &str, message: &str| {
        let mut lines = lines.iter();
        lines.any(|line| line["request_id"] == request && line["message"] == message)
    };
    // What is not valid invokes nothing, and what failed for a fault of ours did nothing.
    for (reply, (code, is_row)) in replies.iter().zip([
        ("GRAPHQL_PARSE_FAILED", true),
        ("GRAPHQL_VALIDATION_FAILED", false),
        ("FORBIDDEN", true),
        ("INTERNAL_SERVER_ERROR", false),
    ]) {
        let error = &reply.body["errors"][0]["extensions"];
        assert_eq!(error["code"], code, "{:?}", reply.body);
        let request = reply.headers["x-request-id"].to_str().unwrap();
        assert_eq!(error["requestId"], request, "{:?}", reply.body);
        assert!(is_said(request, "answered"), "{code} is in no line");
        let is_ours = code == "INTERNAL_SERVER_ERROR";
        assert_eq!(is_said(request, "a store failed"), is_ours, "{code}");
        let is_kept = rows.iter().any(|row| row["requestId"] == request);
        assert_eq!(is_kept, is_row, "{code}: {rows:?}");
    }
}
