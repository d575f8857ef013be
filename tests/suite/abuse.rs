//! Requests that mean harm. Each is refused within a second, in under 64 kB, without an echo of what
//! it sent, and the next honest request is served at once.

mod requests;

use std::time::{Duration, Instant};

use countersign_domain::{
    access::{Role, Scope},
    token::PlainToken,
};
use countersign_tests::{TestApp, Token};
use reqwest::RequestBuilder;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use self::requests::{Hostile, MARK, hostile};

/// How long a hostile request may take, and the honest one after it.
const WITHIN: Duration = Duration::from_secs(1);
/// How often one that took longer is sent.
const TIMES: usize = 5;
/// Bytes of a body that may cost the connection, because it is not read to its end, and no more than that.
const CUT_BYTES: usize = 1024 * 1024;

/// How long a hostile request took, or the honest one after it if that took longer, and what is wrong with its answer.
async fn came_to(
    token: &Token,
    hostile: RequestBuilder,
    may_be_cut: bool,
) -> (Duration, Option<String>) {
    let hostile = hostile
        .bearer_auth(&token.plain)
        .header("accept", "application/graphql-response+json");
    let sent = Instant::now();
    let fault = match hostile.send().await {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            let is_good =
                (400..500).contains(&status) && text.len() < 64 * 1024 && !text.contains(MARK);
            (!is_good).then(|| format!("{status}, {} bytes: {text:.300}", text.len()))
        }
        Err(error) => (!may_be_cut).then(|| format!("{error:?}")),
    };
    let took = sent.elapsed();
    let sent = Instant::now();
    let honest = token.graphql("{ viewer { kind } }", json!({})).await;
    assert_eq!(
        honest.data()["viewer"]["kind"],
        "MACHINE",
        "{:?}",
        honest.body
    );
    (took.max(sent.elapsed()), fault)
}

/// Sends requests, whose names are given with each, and finds nothing wrong with what each comes to.
///
/// The time is that of the request itself, as its sender has it. What else the machine does, such as other tests, can
/// lengthen it and never shorten it. So one that took longer is sent again, in a text that nothing is known of yet,
/// and is at fault where it takes longer every time: what really takes a second does.
async fn all_are_refused(
    token: &Token,
    hostile: impl Fn(usize) -> Vec<(&'static str, RequestBuilder, bool)>,
) {
    let (mut faults, mut slow) = (Vec::new(), None::<Vec<&str>>);
    for time in 0..TIMES {
        let mut again = Vec::new();
        for (name, request, may_be_cut) in hostile(time) {
            if slow.as_ref().is_none_or(|slow| slow.contains(&name)) {
                let (took, fault) = came_to(token, request, may_be_cut).await;
                faults.extend(fault.map(|fault| format!("{name}: {fault}")));
                again.extend((took > WITHIN).then_some(name));
            }
        }
        let is_done = again.is_empty();
        slow = Some(again);
        if is_done {
            break;
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let slow = slow.unwrap_or_default();
    assert!(slow.is_empty(), "{slow:?} take longer than {WITHIN:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_are_refused_soon_briefly_and_without_an_echo() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.token(&[Scope::BasicRead]).await;
    let each = |hostile: Hostile| {
        let request = app.http().post(format!("{}/graphql", app.url()));
        let request = request.header("content-type", hostile.media);
        let request = match hostile.encoding {
            Some(encoding) => request.header("content-encoding", encoding),
            None => request,
        };
        let may_be_cut = hostile.body.len() > CUT_BYTES;
        (hostile.name, request.body(hostile.body), may_be_cut)
    };
    all_are_refused(&token, |time| hostile(time).into_iter().map(each).collect()).await;
}

/// PostgreSQL keeps no text with that character.
#[tokio::test(flavor = "multi_thread")]
async fn texts_that_can_not_be_kept_are_the_callers_fault() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    for (query, variables) in [
        (
            "query q($f: TransactionFilter) { transactions(filter: $f) { nodes { id } } }",
            json!({ "f": { "text": "a\0" } }),
        ),
        (
            "{ transactions(filter: { text: \"\\u0000\" }) { nodes { id } } }",
            json!({}),
        ),
        (
            "{ auditEntries(filter: { action: \"a\\u0000\" }) { nodes { id } } }",
            json!({}),
        ),
    ] {
        let refused = owner.graphql(query, variables).await;
        let told = refused.body["errors"][0]["message"].as_str().unwrap();
        assert!(told.contains("U+0000"), "{:?}", refused.body);
    }
}

/// What is called so can not be told from nothing, or from something else.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_deceive_are_refused() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let query = "mutation($n: String!) { \
        category: createCategory(input: { name: $n }) { userErrors { code field message } } \
        account: createAccount(input: { name: $n, currency: \"EUR\", personal: false }) { userErrors { code field message } } \
        role: createRole(input: { name: $n, baseRole: \"worker\" }) { userErrors { code field message } } \
        token: createApiToken(input: { name: $n, scopes: [\"basic:read\"] }) { userErrors { code field message } } \
        credential: storeCredential(input: { name: $n, provider: STRIPE, secret: \"sk_test_0123456789abcdef\" }) \
            { userErrors { code field message } } \
        import: importStatement(input: { fileName: $n, content: \"eA==\" }) { userErrors { code field message } } }";
    for (name, told) in [
        (
            "\u{200B}",
            "give it a name that can be seen: it has no visible character",
        ),
        (
            "\u{3164}\u{FE0F}",
            "give it a name that can be seen: it has no visible character",
        ),
        (
            "Rent\u{202E}tner",
            "give it a name without control characters: none that break the line or turn the direction of the text",
        ),
    ] {
        let refused = owner.graphql(query, json!({ "n": name })).await;
        for (mutation, payload) in refused.data().as_object().unwrap() {
            let error = &payload["userErrors"][0];
            let field = if mutation == "import" {
                "fileName"
            } else {
                "name"
            };
            let expected = json!({ "code": "INVALID", "field": ["input", field], "message": told });
            assert_eq!(error, &expected, "{mutation} {name:?}: {:?}", refused.body);
        }
    }
    let kept = owner
        .graphql(query, json!({ "n": "👩\u{200D}💻 اجاره\u{200C}خانه" }))
        .await;
    let category = &kept.data()["category"];
    assert_eq!(category["userErrors"], json!([]), "{:?}", kept.body);
}

/// What is allowed is told, and not what was sent.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_there_are_not_are_not_repeated() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let query = "mutation { \
        token: createApiToken(input: { name: \"a\", scopes: [\"basic:read\", \"canary:read\"] }) { userErrors { message } } \
        role: createRole(input: { name: \"a\", baseRole: \"worker\", capabilities: [\"canary\"] }) { userErrors { message } } \
        base: createRole(input: { name: \"a\", baseRole: \"canary\" }) { userErrors { message } } }";
    let refused = owner.graphql(query, json!({})).await;
    for (what, known) in [
        ("token", "pii:read"),
        ("role", "read.pii"),
        ("base", "worker"),
    ] {
        let told = refused.data()[what]["userErrors"][0]["message"].as_str();
        let told = told.unwrap_or_else(|| panic!("{:?}", refused.body));
        assert!(told.contains(known) && !told.contains("canary"), "{told}");
    }
    for query in [
        "{ viewer { can(action: \"canary\") { verdict } } }",
        "{ explainAccess(action: \"canary\") { decision } }",
        "{ whoMay(action: \"canary\") { action } }",
    ] {
        let refused = owner.graphql(query, json!({})).await;
        assert_eq!(refused.error_code(), Some("BAD_USER_INPUT"), "{query}");
        let told = refused.body["errors"][0]["message"].as_str().unwrap();
        assert!(
            told.contains("`Transaction.amount`") && !told.contains("canary"),
            "{told}"
        );
    }
}

/// Whoever is not let in is told nothing of what they asked for: not that it is no GraphQL, not what it would
/// cost, nor whether a document is published.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_told_that_they_are_strangers() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let good = owner.token(&[Scope::BasicRead]).await;
    let published = format!("sha256:{}", "0".repeat(64));
    for (n, (body, status)) in (0_u8..).zip([
        (json!({ "query": "{" }), 400),
        (
            json!({ "query": "{ transactions(first: 99999) { nodes { id } } }" }),
            400,
        ),
        (json!({ "query": "{ node(id: \"x\") { id } }" }), 400),
        (json!({ "documentId": published }), 404),
        (json!({ "query": "{ a }", "operationName": "b" }), 400),
    ]) {
        let invented = PlainToken::from_random(&[n; 32]);
        for (token, expected) in [(invented.reveal(), 401), (good.plain.as_str(), status)] {
            let request = app.http().post(format!("{}/graphql", app.url()));
            let request = request
                .bearer_auth(token)
                .header("accept", "application/graphql-response+json");
            let answer = request.json(&body).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), expected, "{body}");
            let told = answer.headers().contains_key("ratelimit");
            assert_eq!(told, expected != 401, "{body}");
        }
    }
}

/// Nothing of what a stranger sends is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_before_their_bodies_are_read() {
    let app = TestApp::start().await;
    let address = app.url().split_once("//").unwrap().1.to_owned();
    let token = PlainToken::from_random(&[7; 32]);
    for credential in [
        format!("authorization: Bearer {}", token.reveal()),
        format!(
            "cookie: __Host-countersign={}\r\nx-csrf: 1\r\nsec-fetch-site: same-origin",
            "a".repeat(64)
        ),
    ] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: {address}\r\n{credential}\r\n\
             content-type: application/json\r\ncontent-length: 10000000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let read = stream.read_exact(&mut answer);
        let read = tokio::time::timeout(Duration::from_secs(20), read).await;
        read.expect("it does not wait for a body").unwrap();
        assert_eq!(answer.as_slice(), b"HTTP/1.1 401");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_addresses_are_refused_too() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner
        .token(&[Scope::BasicRead, Scope::CategoriesCreate])
        .await;
    let mutation = "mutation{createCategory(input:{name:\"Zxq9\"}){category{id}}}";
    let hostile = |_| {
        let addresses = [
            (
                "a mutation by GET",
                format!("query={}", mutation.replace('"', "%22")),
            ),
            (
                "variables that are none",
                "query={viewer{kind}}&variables=Zxq9".to_owned(),
            ),
            (
                "variables without end",
                format!("query={{viewer{{kind}}}}&variables={}", "[".repeat(3_000)),
            ),
            ("no query", "operationName=Zxq9".to_owned()),
        ];
        let each = addresses.map(|(name, address)| {
            let request = app.http().get(format!("{}/graphql?{address}", app.url()));
            (name, request.header("idempotency-key", "one"), false)
        });
        each.into()
    };
    all_are_refused(&token, hostile).await;
    let made = owner
        .graphql("{ categories { nodes { id } } }", json!({}))
        .await;
    assert_eq!(made.data()["categories"]["nodes"], json!([]));
}
