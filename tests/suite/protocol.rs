//! HTTP as its specifications have it: what is asked for in a way that they leave no doubt of is answered
//! so, and what could be read in two ways is refused.

use std::time::Duration;

use chrono::DateTime;
use countersign_domain::access::{Role, Scope};
use countersign_tests::{Browser, Reply, TestApp};
use futures::future::join_all;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const QUERY: &str = "{\"query\":\"{ viewer { kind } }\"}";

/// An app, somebody in it, and a token.
async fn stand() -> (TestApp, Browser, String) {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.token(&[Scope::BasicRead]).await.plain;
    (app, owner, token)
}

/// Sends these bytes and reads the head of the answer, which must come at once.
async fn raw(app: &TestApp, request: &str) -> String {
    within(10, app, request).await
}

/// The same, where it may take so many seconds.
async fn within(seconds: u64, app: &TestApp, request: &str) -> String {
    let address = app.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = vec![0; 4096];
    let read = timeout(Duration::from_secs(seconds), stream.read(&mut head)).await;
    let read = read.expect("an answer in time").unwrap();
    String::from_utf8_lossy(&head[..read]).into_owned()
}

/// Sends these bytes and reads whatever comes until the connection ends.
async fn whole(app: &TestApp, request: &str) -> String {
    let address = app.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    // What the server leaves unread ends in a reset, after the answer.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    let _ = read.expect("an end in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_that_it_is_too_long_is_not_begun() {
    let (app, _, token) = stand().await;
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 999999999\r\n\r\n"
    );
    let answer = raw(&app, &head).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

/// Half a minute passes, since the server waits so long.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let (app, owner, token) = stand().await;
    let begun = |path: &str, media: &str, credential: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{credential}\r\ncontent-type: {media}\r\n\
             x-csrf: 1\r\nsec-fetch-site: same-origin\r\ncontent-length: 100\r\n\r\nx"
        )
    };
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    let cookie = format!("cookie: {}", owner.cookie());
    let requests = [
        begun("/graphql", json, &format!("authorization: Bearer {token}")),
        begun("/bff/tenant", json, &cookie),
        begun("/bff/audit/export", json, &cookie),
        begun("/bff/backchannel", form, &cookie),
    ];
    let answers = requests.iter().map(|request| within(60, &app, request));
    for answer in join_all(answers).await {
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(answer.contains("REQUEST_TIMEOUT"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_read_as_it_is_and_in_utf_8() {
    let (app, _, token) = stand().await;
    let post = |name: &'static str, value: &'static str, media: &'static str| {
        let request = app.http().post(format!("{}/graphql", app.url()));
        let request = request
            .bearer_auth(&token)
            .header("content-type", media)
            .header(name, value)
            .body(QUERY);
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let json = "application/json";
    for coding in ["gzip", "br", "identity, gzip", "x-unknown"] {
        let reply = post("content-encoding", coding, json).await;
        assert_eq!(reply.status, 415, "{coding}: {:?}", reply.body);
        assert_eq!(reply.error_code(), Some("UNSUPPORTED_MEDIA_TYPE"));
        assert_eq!(reply.headers["accept-encoding"], "identity");
    }
    assert_eq!(post("content-encoding", "Identity", json).await.status, 200);
    for (media, status) in [
        ("application/json; charset=\"utf-8\"", 200),
        ("application/json;CHARSET=UTF-8", 200),
        ("application/json; charset=\"utf-16\"", 415),
    ] {
        assert_eq!(
            post("x-nothing", "1", media).await.status,
            status,
            "{media}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_object_is_a_request_and_faults_say_where_and_nothing_else() {
    let (app, owner, token) = stand().await;
    let url = format!("{}/graphql", app.url());
    let post = |body: &'static str| {
        let request = app.http().post(&url).bearer_auth(&token);
        let request = request
            .header("content-type", "application/json")
            .body(body);
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let array = post("[\"{__typename}\",null,null,null,null]").await;
    assert_eq!(array.status, 400, "{:?}", array.body);
    let id = post("{\"documentId\":5}").await.body.to_string();
    assert!(id.contains("`documentId` is not a text"), "{id}");
    for (path, body, place) in [
        ("/bff/tenant", "[\"northwind\"]", "line 1, column 0"),
        ("/bff/tenant", "\"Zxq9\"", "line 1, column 6"),
        ("/bff/tenant", "{\"slug\":{\"Zxq9\":1}}", "line 1, column"),
        ("/bff/tenant", "{\n\"slug\": Zxq9}", "line 2, column"),
        ("/bff/tenant", "{\"slug\": ", "line 1, column"),
        ("/bff/audit/export", "[\"csv\"]", "line 1, column 0"),
        ("/bff/audit/export", "{\"Zxq9\":1}", "line 1, column"),
    ] {
        let reply = Reply::of(owner.post_json(path, body).await).await;
        assert_eq!(reply.status, 400, "{body}: {:?}", reply.body);
        let detail = reply.body["detail"].as_str().unwrap();
        assert!(detail.contains(place), "{body}: {detail}");
        for word in ["Zxq9", "struct", "expected", "TenantBody", "slug"] {
            assert!(!detail.contains(word), "{body}: {detail}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_no_tenants_name_is_no_tenant() {
    let (_app, owner, _) = stand().await;
    for slug in [
        "",
        "x",
        "x\u{0}",
        "-northwind",
        "North Wind",
        "northwind\n",
        "über",
    ] {
        let body = json!({ "slug": slug }).to_string();
        let reply = Reply::of(owner.post_json("/bff/tenant", &body).await).await;
        assert_eq!(reply.status, 404, "{slug:?}: {:?}", reply.body);
    }
    let body = json!({ "slug": "northwind" }).to_string();
    let own = owner.post_json("/bff/tenant", &body).await;
    assert_eq!(own.status().as_u16(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_twice_is_refused() {
    let (app, _, token) = stand().await;
    let url = format!("{}/graphql", app.url());
    let post = |name: &'static str, values: [String; 2]| {
        let mut request = app.http().post(&url);
        if name != "authorization" {
            request = request.bearer_auth(&token);
        }
        for value in values {
            request = request.header(name, value);
        }
        let request = request
            .header("content-type", "application/json")
            .body(QUERY);
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let keys = post("idempotency-key", ["one".to_owned(), "two".to_owned()]).await;
    assert_eq!(keys.status, 400, "{:?}", keys.body);
    let tokens = [format!("Bearer {token}"), "Bearer cst_other".to_owned()];
    let tokens = post("authorization", tokens).await;
    assert_eq!(tokens.status, 401, "{:?}", tokens.body);
    for (query, status) in [
        ("query=%7Bviewer%7Bkind%7D%7D", 200),
        ("query={viewer+{kind}}&operationName=&variables=", 200),
        ("query=%7Bviewer%7Bkind%7D%7D%FF", 400),
        ("query=%7Bviewer%7Bkind%7D%7D&%C3=1", 400),
        (
            "query=%7Bviewer%7Bkind%7D%7D&query=%7Bviewer%7Bkind%7D%7D",
            400,
        ),
        (
            "query=%7Bviewer%7Bkind%7D%7D&variables=&variables=%7B%7D",
            400,
        ),
    ] {
        let request = app.http().get(format!("{url}?{query}")).bearer_auth(&token);
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.status, status, "{query}: {:?}", reply.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_told_which_ones_there_are() {
    let app = TestApp::start().await;
    for (method, path, allow) in [
        ("PUT", "/graphql", "GET, POST"),
        ("POST", "/bff/login", "GET"),
        ("POST", "/bff/user", "GET"),
        ("GET", "/bff/tenant", "POST"),
        ("GET", "/bff/audit/export", "POST"),
        ("DELETE", "/bff/logout", "GET"),
        ("GET", "/bff/backchannel", "POST"),
        ("POST", "/errors", "GET, HEAD"),
        ("POST", "/errors/not-found", "GET, HEAD"),
        ("POST", "/.well-known/security.txt", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/index.html", "GET, HEAD"),
        ("DELETE", "/t/northwind", "GET, HEAD"),
    ] {
        let name = method.parse().unwrap();
        let request = app.http().request(name, format!("{}{path}", app.url()));
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.status, 405, "{method} {path}");
        assert_eq!(reply.headers["allow"], allow, "{method} {path}");
        assert_eq!(reply.headers["content-type"], "application/problem+json");
        assert_eq!(reply.error_code(), Some("METHOD_NOT_ALLOWED"));
        let request = reply.headers["x-request-id"].to_str().unwrap();
        assert_eq!(reply.body["requestId"], request, "{method} {path}");
    }
    let nothing = app.http().post(format!("{}/bff/nothing", app.url()));
    assert_eq!(nothing.send().await.unwrap().status().as_u16(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_by_get_is_there_by_head() {
    let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let app = TestApp::start_with(start, |toml| {
        let contact = "security_contact = \"mailto:security@books.example\"\n[database]";
        toml.replace("[database]", contact)
    })
    .await;
    for path in [
        "/",
        "/errors",
        "/errors/not-found",
        "/.well-known/security.txt",
    ] {
        let url = format!("{}{path}", app.url());
        let answer = app.http().head(&url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        let length = answer.headers()["content-length"].to_str().unwrap();
        let length: usize = length.parse().unwrap();
        assert!(answer.bytes().await.unwrap().is_empty(), "{path}");
        let whole = app.http().get(&url).send().await.unwrap();
        assert_eq!(whole.bytes().await.unwrap().len(), length, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_page_is_for_whoever_takes_pages() {
    let app = TestApp::start().await;
    for (path, accept, status) in [
        ("/", Some("*/*"), 200),
        ("/", Some("text/*"), 200),
        ("/", None, 200),
        ("/", Some("application/json"), 404),
        ("/", Some("text/html;q=0, */*"), 404),
        ("/t/northwind", Some("text/html"), 200),
        ("/t/northwind", Some("TEXT/HTML"), 200),
        ("/missing.png", Some("image/avif,image/*,*/*;q=0.8"), 404),
        ("/t/northwind", Some("text/html;q=0"), 404),
    ] {
        let accept = accept.map(|accept| format!("accept: {accept}\r\n"));
        let accept = accept.unwrap_or_default();
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{accept}\r\n");
        let answer = raw(&app, &head).await.to_ascii_lowercase();
        let wanted = format!("http/1.1 {status}");
        assert!(answer.starts_with(&wanted), "{path} {accept}: {answer}");
        assert!(
            answer.contains("vary: accept\r\n"),
            "{path} {accept}: {answer}"
        );
    }
    // What another release has under that name is there in a moment, while servers are updated.
    let asset = raw(
        &app,
        "GET /assets/of-another-release.js HTTP/1.1\r\nhost: localhost\r\n\r\n",
    )
    .await;
    let asset = asset.to_ascii_lowercase();
    assert!(asset.starts_with("http/1.1 404"), "{asset}");
    assert!(asset.contains("cache-control: no-store\r\n"), "{asset}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_no_encoding_is_told_so_by_a_problem_like_any_other() {
    let (app, _, token) = stand().await;
    let post = |encodings: &'static str| {
        let request = app.http().post(format!("{}/graphql", app.url()));
        let request = request
            .bearer_auth(&token)
            .header("accept-encoding", encodings)
            .header("content-type", "application/json")
            .body(QUERY);
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let refused = post("identity;q=0").await;
    assert_eq!(
        (refused.status, refused.error_code()),
        (406, Some("NOT_ACCEPTABLE"))
    );
    let request = refused.headers["x-request-id"].to_str().unwrap();
    assert_eq!(refused.body["requestId"], request);
    assert_eq!(refused.headers["vary"], "Accept-Encoding");
    assert!(refused.headers.contains_key("content-security-policy"));
    for taken in ["identity", "gzip, identity;q=0"] {
        let answer = post(taken).await;
        assert_eq!(answer.status, 200, "{taken}");
        assert!(answer.headers.contains_key("x-request-id"), "{taken}");
    }
}

/// The server's own HTTP, which is under everything else, refuses what it can not read: the answer has
/// neither the id nor the headers of every other, and nothing of what was sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_in_few_words_and_the_connection_ends() {
    let app = TestApp::start().await;
    let long = "Zxq9".repeat(17_500);
    let longer = "Zxq9".repeat(40_000);
    for (request, status) in [
        (
            "GET /Zxq9 HTTP/1.1\r\nhost: a\r\nhost: Zxq9\r\n\r\n".to_owned(),
            400,
        ),
        (format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"), 400),
        (
            format!("GET / HTTP/1.1\r\nhost: a\r\nx: {longer}\r\n\r\n"),
            431,
        ),
        ("Zxq9\r\n\r\n".to_owned(), 400),
        (
            "POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\
             transfer-encoding: chunked\r\n\r\n0\r\n\r\n"
                .to_owned(),
            400,
        ),
    ] {
        let shown = request.chars().take(80).collect::<String>();
        let answer = whole(&app, &request).await;
        let wanted = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&wanted), "{shown}: {answer}");
        assert!(answer.len() < 200, "{shown}: {answer}");
        assert!(!answer.contains("Zxq9"), "{shown}: {answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{shown}: {answer}");
    }
}
