//! Rate limits: who has to wait, and who does not for it (NET-3).

use std::{env, sync::Arc};

use chrono::{DateTime, Duration};
use countersign_domain::{
    access::{Role, Scope},
    token::PlainToken,
};
use countersign_stand::redis::Redis;
use countersign_tests::{Pair, Reply, TestApp};
use serde_json::json;
use sqlx::Executor;

const QUERY: &str = "{ viewer { kind } }";

async fn limited(limits: &str) -> TestApp {
    let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    TestApp::start_with(start, |toml| format!("{toml}[limits]\n{limits}\n")).await
}

async fn ask(app: &TestApp, token: &str) -> Reply {
    let url = format!("{}/graphql", app.url());
    let request = app.http().post(url).bearer_auth(token);
    let sent = request.json(&json!({ "query": QUERY })).send().await;
    Reply::of(sent.unwrap()).await
}

async fn login(app: &TestApp) -> Reply {
    let sent = app.http().get(format!("{}/bff/login", app.url()));
    Reply::of(sent.send().await.unwrap()).await
}

fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    let value = reply.headers.get(name);
    value
        .map(|value| value.to_str().unwrap())
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_of_one_address_are_limited_and_told_so() {
    let app = limited("sign_ins = 3").await;
    for left in [2, 1, 0] {
        // The provider of this test is away, which is not the point.
        let reply = login(&app).await;
        assert_eq!(reply.status, 503, "{:?}", reply.body);
        assert_eq!(header(&reply, "ratelimit-policy"), "\"sign-in\";q=3;w=60");
        assert_eq!(header(&reply, "ratelimit"), format!("\"sign-in\";r={left}"));
    }
    let refused = login(&app).await;
    assert_eq!(
        (refused.status, refused.error_code()),
        (429, Some("RATE_LIMITED"))
    );
    assert_eq!(header(&refused, "retry-after"), "20");
    assert_eq!(header(&refused, "ratelimit"), "\"sign-in\";r=0;t=20");
    app.clock.advance(Duration::seconds(20));
    assert_eq!(
        login(&app).await.status,
        503,
        "after the seconds told it is let through"
    );
    assert_eq!(login(&app).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_counted_as_one_however_its_address_is_written() {
    let app = limited("sign_ins = 3").await;
    for (path, left) in [
        ("/bff/%6cogin", 2),
        ("/bff/logi%6e", 1),
        ("/bff/%6Cogin", 0),
    ] {
        let sent = app.http().get(format!("{}{path}", app.url())).send().await;
        let reply = Reply::of(sent.unwrap()).await;
        assert_eq!(reply.status, 503, "{path}: {:?}", reply.body);
        assert_eq!(header(&reply, "ratelimit"), format!("\"sign-in\";r={left}"));
    }
    assert_eq!(login(&app).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn cost_is_limited_by_principal() {
    let app = limited("cost = 100").await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let other = app.person(&tenant, Role::Owner, "other").await;
    let query = "{ accounts(first: 10) { nodes { id name } } }";
    let mut allowed = 0;
    let refused = loop {
        let reply = owner.graphql(query, json!({})).await;
        assert!(header(&reply, "ratelimit").starts_with("\"cost\";r="));
        if reply.status == 429 {
            break reply;
        }
        allowed += 1;
    };
    assert!((1..20).contains(&allowed), "{allowed}");
    assert_eq!(refused.error_code(), Some("RATE_LIMITED"));
    assert!(refused.headers.contains_key("retry-after"));
    assert!(refused.data().is_null());
    assert_eq!(other.graphql(query, json!({})).await.status, 200);
    app.clock.advance(Duration::minutes(1));
    assert_eq!(owner.graphql(query, json!({})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_tokens_waits_and_fills_no_log() {
    let app = limited("refused_credentials = 5").await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let honest = owner.token(&[Scope::BasicRead]).await;
    assert_eq!(honest.graphql(QUERY, json!({})).await.status, 200);
    let mut statuses = Vec::new();
    for n in 0..40_u8 {
        let guess = PlainToken::from_random(&[n; 32]);
        statuses.push(ask(&app, guess.reveal()).await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5);
    assert!(
        statuses[6..].iter().all(|status| *status == 429),
        "{statuses:?}"
    );
    for _ in 0..20 {
        assert_eq!(ask(&app, "e30.e30.e30").await.status, 429);
    }
    let rows = app.test_database.logged("credential.refused").await;
    assert!(rows <= 6, "{rows}");
    // Whoever works from the same address with a good token does not wait for it.
    assert_eq!(honest.graphql(QUERY, json!({})).await.status, 200);
    app.clock.advance(Duration::minutes(1));
    let fresh = owner.token(&[Scope::BasicRead]).await;
    assert_eq!(fresh.graphql(QUERY, json!({})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_shows_no_credential_or_a_broken_one_waits_too() {
    for header_value in [None, Some("Basic eDp5"), Some("Bearer")] {
        let app = limited("refused_credentials = 5").await;
        let mut statuses = Vec::new();
        for _ in 0..7 {
            let mut request = app.http().post(format!("{}/graphql", app.url()));
            if let Some(value) = header_value {
                request = request.header("authorization", value);
            }
            let sent = request.json(&json!({ "query": QUERY })).send().await;
            statuses.push(sent.unwrap().status().as_u16());
        }
        assert_eq!(
            statuses,
            [401, 401, 401, 401, 401, 429, 429],
            "{header_value:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn public_pages_of_the_server_are_limited_and_those_of_the_app_are_not() {
    let app = limited("public_requests = 3").await;
    let get = |path: &'static str| {
        let request = app.http().get(format!("{}{path}", app.url()));
        async move { request.send().await.unwrap().status().as_u16() }
    };
    let paths = ["/errors", "/errors/not-found", "/.well-known/security.txt"];
    for (path, status) in paths.into_iter().zip([200, 200, 404]) {
        assert_eq!(get(path).await, status, "{path}");
    }
    for path in paths {
        assert_eq!(get(path).await, 429, "{path}");
    }
    assert_eq!(
        get("/").await,
        200,
        "many load the app from behind one address"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_must_wait_is_told_so_before_a_stream_begins() {
    let app = limited("cost = 100").await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.token(&[Scope::BasicRead]).await.plain;
    let query = "{ accounts(first: 10) { nodes { id name } } }";
    let mut asked = 0;
    let refused = loop {
        let request = app.http().post(format!("{}/graphql", app.url()));
        let request = request
            .bearer_auth(&token)
            .header("accept", "text/event-stream");
        let sent = request.json(&json!({ "query": query })).send().await;
        let answer = sent.unwrap();
        asked += 1;
        if answer.headers()["content-type"] != "text/event-stream" || asked > 20 {
            break Reply::of(answer).await;
        }
        assert_eq!(answer.status().as_u16(), 200);
    };
    assert_eq!(refused.status, 429, "{:?}", refused.body);
    assert_eq!(refused.error_code(), Some("RATE_LIMITED"));
    assert!(refused.headers.contains_key("retry-after"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_that_goes_on_asks_nothing_of_the_database() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.token(&[Scope::BasicRead]).await;
    let revoke =
        "mutation($id: ID!) { revokeApiToken(input: { apiTokenId: $id }) { userErrors { code } } }";
    assert_eq!(token.graphql(QUERY, json!({})).await.status, 200);
    owner.graphql(revoke, json!({ "id": token.id })).await;
    for _ in 0..5 {
        assert_eq!(token.graphql(QUERY, json!({})).await.status, 401);
    }
    let rows = crate::audit::log(&owner, json!({ "action": "credential.refused" })).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
}

/// As where the clock of a server was ahead for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_expired_is_asked_for_again() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.token(&[Scope::BasicRead]).await;
    app.clock.advance(Duration::days(800));
    assert_eq!(token.graphql(QUERY, json!({})).await.status, 401);
    app.clock.advance(Duration::days(-800));
    assert_eq!(token.graphql(QUERY, json!({})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_count_together_through_redis_and_alone_while_it_is_away() {
    let log = env::temp_dir().join(format!("countersign-redis-{}.log", std::process::id()));
    let redis = tokio::task::spawn_blocking(move || Redis::start(&log)).await;
    let mut redis = redis.unwrap().unwrap();
    let limits = format!("sign_ins = 4\nredis_url = \"{}\"", redis.url());
    let (one, two) = (limited(&limits).await, limited(&limits).await);
    let mut left = Vec::new();
    for app in [&one, &two, &one, &two] {
        left.push(header(&login(app).await, "ratelimit").to_owned());
    }
    let expected = [3, 2, 1, 0].map(|n| format!("\"sign-in\";r={n}"));
    assert_eq!(left, expected, "one count");
    for app in [&one, &two] {
        let refused = login(app).await;
        assert_eq!(
            (refused.status, header(&refused, "retry-after")),
            (429, "15")
        );
    }
    redis.stop();
    let apps = Arc::new([one, two]);
    for app in apps.iter() {
        for left in [3, 2, 1, 0] {
            let reply = login(app).await;
            assert_eq!(header(&reply, "ratelimit"), format!("\"sign-in\";r={left}"));
        }
        assert_eq!(
            login(app).await.status,
            429,
            "each counts for itself, and still counts"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_with_secured_transport_must_prove_who_it_is() {
    let (pair, other) = (Pair::make("redis"), Pair::make("not-redis"));
    let log = env::temp_dir().join(format!("countersign-rediss-{}.log", std::process::id()));
    let (certificate, key) = (pair.certificate(), pair.key());
    let start = move || Redis::start_secured(&log, &certificate, &key);
    let redis = tokio::task::spawn_blocking(start).await.unwrap().unwrap();
    let settings = |authority: &Pair| {
        let (url, authority) = (redis.secured_url(), authority.certificate());
        let authority = authority.display();
        format!("sign_ins = 4\nredis_url = \"{url}\"\nredis_authority = \"{authority}\"")
    };
    let (one, two) = (
        limited(&settings(&pair)).await,
        limited(&settings(&pair)).await,
    );
    let mut left = Vec::new();
    for app in [&one, &two] {
        left.push(header(&login(app).await, "ratelimit").to_owned());
    }
    assert_eq!(
        left,
        [3, 2].map(|n| format!("\"sign-in\";r={n}")),
        "one count"
    );
    // Whoever can not prove to be Redis is not told anything: the replica counts for itself.
    let deceived = limited(&settings(&other)).await;
    let reply = login(&deceived).await;
    assert_eq!(header(&reply, "ratelimit"), "\"sign-in\";r=3");
}

/// What is refused before it runs is recorded, and costs the caller of its quota what a small query does.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_what_can_not_be_read_waits_and_fills_no_log() {
    let app = limited("cost = 20").await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let token = owner.token(&[Scope::BasicRead]).await;
    let foreign = async || {
        let sent = app.http().post(format!("{}/graphql", app.url()));
        let sent = sent.header("cookie", owner.cookie());
        let sent = sent.header("sec-fetch-site", "cross-site");
        let sent = sent.json(&json!({ "query": QUERY })).send().await;
        Reply::of(sent.unwrap()).await.status
    };
    for n in 0..40 {
        let broken = token.graphql("{ viewer ", json!({})).await;
        assert_eq!(broken.status == 429, n >= 20, "{n}: {:?}", broken.body);
        assert_eq!(foreign().await, 403);
    }
    let rows = app.test_database.logged("request.refused").await;
    assert!((21..=40).contains(&rows), "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_at_many_rows_costs_more_and_waits_for_its_turn() {
    let app = Arc::new(TestApp::start().await);
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let cost = async |query: &str| {
        let reply = owner.graphql(query, json!({})).await;
        let cost = &reply.body["extensions"]["cost"]["requested"];
        cost.as_u64().unwrap_or_else(|| panic!("{:?}", reply.body))
    };
    let bare = cost("{ transactions(first: 1) { nodes { id } } }").await;
    let searched = "{ transactions(first: 1, filter: { text: \"rent\" }) { nodes { id } } }";
    assert!(cost(searched).await >= bare + 4_999);
    let counted = "{ transactions(first: 1) { totalCount } }";
    assert!(cost(counted).await >= 1_000);

    // Nothing can be read of them until the end.
    let mut superuser = app.test_database.superuser().await;
    let lock = "BEGIN; LOCK TABLE countersign.transactions IN ACCESS EXCLUSIVE MODE";
    superuser.execute(lock).await.unwrap();
    let others: Vec<_> = (0..2)
        .map(|_| {
            let owner = owner.clone();
            tokio::spawn(async move { owner.graphql(counted, json!({})).await })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let third = owner.graphql(counted, json!({})).await;
    assert_eq!(
        (third.status, third.error_code()),
        (429, Some("RATE_LIMITED"))
    );
    superuser.execute("ROLLBACK").await.unwrap();
    for other in others {
        assert_eq!(other.await.unwrap().error_code(), None);
    }
    assert_eq!(owner.graphql(counted, json!({})).await.error_code(), None);
}
