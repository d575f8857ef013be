//! The HTTP surface: who is let in, what is refused before it runs, what every answer carries.

use std::{fmt::Write, time::Duration};

use countersign::code::Code;
use countersign_domain::{
    access::{Role, Scope},
    token::PlainToken,
};
use countersign_tests::{Reply, TestApp};
use serde_json::json;
use sqlx::Executor;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::books::books;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_while_its_request_is_sent_opens_nothing() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.token(&[Scope::BasicRead]).await;
    let body = json!({ "query": "{ viewer { kind } }" }).to_string();
    let (begun, rest) = body.split_at(10);
    let address = app.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{begun}",
        token.plain,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The token is looked at before the body is read.
    tokio::time::sleep(Duration::from_secs(1)).await;
    app.clock.advance(chrono::Duration::days(800));
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_a_forged_token_and_a_foreign_token_are_401() {
    let app = TestApp::start().await;
    let url = format!("{}/graphql", app.url());
    let body = json!({ "query": "{ viewer { kind } }" });
    let foreign = PlainToken::from_random(&[9; 32]);
    let bearers = [
        None,
        Some("cst_forged"),
        Some(foreign.reveal()),
        Some("e30.e30.e30"),
    ];
    for bearer in bearers {
        let mut request = app.http().post(&url).json(&body);
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.status, 401, "{bearer:?} {:?}", reply.body);
        assert_eq!(reply.error_code(), Some("UNAUTHENTICATED"));
        assert!(reply.headers.contains_key("www-authenticate"));
        let request = reply.headers["x-request-id"].to_str().unwrap();
        assert_eq!(
            reply.body["requestId"], request,
            "the same id in header and body"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_chosen_no_tenant_is_told_so() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let mut superuser = app.test_database.superuser().await;
    let choose = "UPDATE countersign.sessions SET active_tenant_id = NULL";
    superuser.execute(choose).await.unwrap();
    let refused = owner.graphql("{ viewer { kind } }", json!({})).await;
    let told = (refused.status, refused.error_code());
    assert_eq!(told, (403, Some("NO_TENANT")), "{:?}", refused.body);
    let chosen = owner.post_json("/bff/tenant", r#"{"slug":"northwind"}"#);
    assert_eq!(chosen.await.status().as_u16(), 204);
    let let_in = owner.graphql("{ viewer { kind } }", json!({})).await;
    assert_eq!(let_in.data()["viewer"]["kind"], "HUMAN");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_alone_is_not_enough() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let send = |headers: Vec<(&'static str, &'static str)>| {
        let mut request = app
            .http()
            .post(format!("{}/graphql", app.url()))
            .header("cookie", books.owner.cookie())
            .json(&json!({ "query": "{ viewer { kind } }" }));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    for refused in [
        vec![],
        vec![("sec-fetch-site", "same-origin")],
        vec![("x-csrf", "1")],
        vec![("x-csrf", "1"), ("sec-fetch-site", "cross-site")],
        vec![("x-csrf", "1"), ("sec-fetch-site", "same-site")],
        vec![("x-csrf", "1"), ("origin", "https://evil.example")],
    ] {
        let reply = send(refused.clone()).await;
        assert_eq!(reply.status, 403, "{refused:?}");
        assert_eq!(reply.error_code(), Some("FORGED_REQUEST"));
    }
    let good = send(vec![("x-csrf", "1"), ("origin", "http://localhost:8080")]).await;
    assert_eq!(good.status, 200, "{:?}", good.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_a_kilobyte_can_not_hang_the_server() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let mut bomb = String::from("{ ...f0 } ");
    for i in 0..30 {
        let _ = write!(
            bomb,
            "fragment f{i} on Query {{ ...f{} ...f{} }} ",
            i + 1,
            i + 1
        );
    }
    bomb.push_str("fragment f30 on Query { viewer { kind } }");
    let started = std::time::Instant::now();
    let reply = owner.graphql(&bomb, json!({})).await;
    assert_eq!(
        reply.error_code(),
        Some("DOCUMENT_LIMIT_EXCEEDED"),
        "{:?}",
        reply.body
    );
    assert!(started.elapsed().as_secs() < 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_refused_by_name() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "olivia").await;
    let wide = "{ a: transactions(first: 200) { nodes { account { custodian { name } } category { name } \
                statement { import { fileName sha256 format byteCount } account { name custodian { name } } } } } \
                b: transactions(first: 200) { nodes { statement { import { fileName sha256 format \
                byteCount statementCount addedCount duplicateCount createdAt id } account { id name currency \
                custodian { id name email role } } } id bookedOn amount description counterparty reference \
                magnitude direction currency valueOn account { id name balance number } } } \
                c: transactions(first: 200) { nodes { statement { import { fileName sha256 format byteCount \
                statementCount addedCount duplicateCount createdAt id } account { id name currency custodian \
                { id name email role } } } id bookedOn amount description counterparty reference magnitude } } \
                d: transactions(first: 200) { nodes { statement { import { fileName sha256 format byteCount \
                statementCount addedCount duplicateCount createdAt id } account { id name currency custodian \
                { id name email role } } } id bookedOn amount description counterparty reference magnitude } } }";
    let reply = owner.graphql(wide, json!({})).await;
    assert_eq!(
        reply.error_code(),
        Some("COST_LIMIT_EXCEEDED"),
        "{:?}",
        reply.body
    );
    // Beyond what the parser takes, and within that and no deeper than fields may be.
    for (levels, code) in [(70, Some("DEPTH_LIMIT_EXCEEDED")), (50, None)] {
        let (open, close) = ("... { ".repeat(levels), "} ".repeat(levels));
        let nested = format!("{{ {open} __typename {close} }}");
        let nested = owner.graphql(&nested, json!({})).await;
        assert_eq!(nested.error_code(), code, "{levels}: {:?}", nested.body);
    }
    let page = owner
        .graphql("{ accounts(first: 501) { nodes { id } } }", json!({}))
        .await;
    assert_eq!(page.error_code(), Some("BAD_USER_INPUT"));
    let many = |n: usize, each: fn(usize) -> String| (0..n).map(each).collect::<String>();
    let node = |n: usize| format!("acc_{n:012x}70008000000000000001");
    let ids: Vec<_> = (0..501).map(node).collect();
    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    for (document, variables, limit) in [
        (many(3_000, |_| "{ ".to_owned()), json!({}), "2000 tokens"),
        (
            format!("{{ {} }}", "__typename ".repeat(2_000)),
            json!({}),
            "2000 tokens",
        ),
        (
            format!(
                "{{ {} }}",
                many(21, |i| format!("a{i}: viewer {{ kind }} "))
            ),
            json!({}),
            "20 root fields",
        ),
        (nodes.to_owned(), json!({ "ids": ids }), "500 ids"),
    ] {
        let refused = owner.graphql(&document, variables).await;
        let code = refused.error_code();
        assert_eq!(code, Some("DOCUMENT_LIMIT_EXCEEDED"), "{:?}", refused.body);
        let told = refused.body["errors"][0]["message"].as_str().unwrap();
        assert!(told.contains(limit), "{limit}: {told}");
    }
    let twice = "mutation { a: createCategory(input: { name: \"x\" }) { userErrors { code } } \
                 a: createCategory(input: { name: \"x\" }) { userErrors { code } } }";
    let twice = owner.graphql(twice, json!({})).await;
    assert_eq!(
        twice.error_code(),
        Some("GRAPHQL_VALIDATION_FAILED"),
        "{:?}",
        twice.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn graphql_over_http_is_spoken() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(Scope::ALL).await;
    let url = format!("{}/graphql", app.url());
    let post = |body: &'static str, kind: &'static str| {
        let request = app
            .http()
            .post(&url)
            .bearer_auth(&token.plain)
            .header("content-type", kind);
        let request = request
            .header("accept", "application/graphql-response+json")
            .body(body);
        async move { Reply::of(request.send().await.unwrap()).await.status }
    };
    assert_eq!(
        post("{\"query\":\"{ viewer { kind } }\"}", "application/json").await,
        200
    );
    assert_eq!(
        post("{\"query\":\"{ viewer { kind } }\"}", "text/plain").await,
        415
    );
    assert_eq!(
        post("{\"query\":\"{ viewer {\"}", "application/json").await,
        400
    );
    assert_eq!(
        post("{\"query\":\"{ nothing }\"}", "application/json").await,
        400
    );
    assert_eq!(post("{\"query\":7}", "application/json").await, 400);
    assert_eq!(post("[]", "application/json").await, 400);
    let get = |query: &'static str| {
        let url = reqwest::Url::parse_with_params(&url, [("query", query)]).unwrap();
        let request = app.http().get(url).bearer_auth(&token.plain);
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    assert_eq!(
        get("{ viewer { kind } }").await.data()["viewer"]["kind"],
        "MACHINE"
    );
    let mutation =
        get("mutation { createCategory(input: { name: \"x\" }) { category { id } } }").await;
    assert_eq!(mutation.status, 405);
    assert_eq!(mutation.headers["allow"], "POST");
    let image = app
        .http()
        .post(&url)
        .bearer_auth(&token.plain)
        .header("accept", "image/png");
    let image = image
        .json(&json!({ "query": "{ viewer { kind } }" }))
        .send()
        .await
        .unwrap();
    assert_eq!(image.status().as_u16(), 406);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_stand_in_the_order_of_the_question_and_failed_ones_are_null() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let query = "{ z: accounts { nodes { name } } members { nodes { id } } a: viewer { kind } }";
    let reply = books.worker.graphql(query, json!({})).await;
    let data = reply.data().as_object().unwrap();
    assert!(data["members"].is_null());
    assert_eq!(reply.body["errors"][0]["path"], json!(["members"]));
    let request = app
        .http()
        .post(format!("{}/graphql", app.url()))
        .header("cookie", books.worker.cookie())
        .header("x-csrf", "1")
        .header("sec-fetch-site", "same-origin")
        .json(&json!({ "documentId": app.state().graphql.publish(query).to_string() }));
    let text = request.send().await.unwrap().text().await.unwrap();
    let place = |key: &str| {
        text.find(key)
            .unwrap_or_else(|| panic!("`{key}` in {text}"))
    };
    assert!(
        place("\"z\"") < place("\"members\"") && place("\"members\"") < place("\"a\""),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_headers_and_a_problem_survives_compression() {
    let app = TestApp::start().await;
    let page = app
        .http()
        .get(app.url())
        .header("accept", "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status().as_u16(), 200);
    for (name, part) in [
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("x-request-id", "req_"),
    ] {
        let value = page
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok());
        assert!(
            value.is_some_and(|value| value.contains(part)),
            "{name}: {value:?}"
        );
    }
    let problem = app
        .http()
        .get(format!("{}/bff/user", app.url()))
        .header("x-csrf", "1");
    let problem = problem
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(problem.status().as_u16(), 401);
    let length = problem.bytes().await.unwrap().len();
    assert!(length > 60, "a problem of {length} bytes says nothing");
    let method = app
        .http()
        .post(format!("{}/bff/user", app.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(method.status().as_u16(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_outside_graphql_are_refused_by_what_is_wrong_with_them() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    for (media, body, status, code) in [
        (
            "application/json",
            "x".repeat(20_000),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        ("text/plain", "{}".to_owned(), 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("application/json", "{}".to_owned(), 400, "BAD_REQUEST"),
    ] {
        let request = app.http().post(format!("{}/bff/tenant", app.url()));
        let request = request
            .header("cookie", owner.cookie())
            .header("x-csrf", "1")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", media);
        let reply = Reply::of(request.body(body).send().await.unwrap()).await;
        assert_eq!((reply.status, reply.error_code()), (status, Some(code)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_names_its_page_and_the_page_says_what_to_do() {
    let app = TestApp::start().await;
    let url = format!("{}/bff/user", app.url());
    let problem = app.http().get(url).header("x-csrf", "1").send().await;
    let problem = Reply::of(problem.unwrap()).await;
    let page = problem.body["type"].as_str().unwrap().to_owned();
    assert_eq!(page, "/errors/unauthenticated");
    let page = app.http().get(format!("{}{page}", app.url())).send().await;
    let page = page.unwrap().text().await.unwrap();
    assert!(page.contains(Code::Unauthenticated.advice()), "{page}");
    let index = app.http().get(format!("{}/errors", app.url())).send().await;
    let index = index.unwrap().text().await.unwrap();
    for code in Code::ALL {
        assert!(index.contains(code.name()), "{}", code.name());
    }
}
