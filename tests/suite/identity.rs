//! Sign-in with the certified provider: the whole way, and each wrong turn of it.

use std::{collections::HashMap, env};

use chrono::{DateTime, Utc};
use countersign_domain::access::{Role, Scope};
use countersign_entities::{NewMachine, NewMember};
use countersign_stand::{postgres::free_port, provider::Provider};
use countersign_tests::{Reply, TestApp};
use serde_json::json;

/// A product with a provider of its own.
struct Stand {
    app: TestApp,
    provider: Provider,
    issuer: String,
}

const SECRET: &str = "a-secret-of-the-tests";
const AUDIENCE: &str = "http://localhost:8080/graphql";

async fn stand() -> Stand {
    let port = free_port().unwrap();
    let issuer = format!("http://localhost:{port}");
    // The product's port is not known yet, so logout is sent by tests themselves.
    let settings = json!({
        "port": port, "issuer": issuer, "audience": AUDIENCE, "control": true,
        "machineScopes": ["basic:read", "members:remove"], "accessTokenSeconds": 60,
        "clients": [
            { "client_id": "countersign", "client_secret": SECRET,
              "redirect_uris": ["http://localhost:8080/bff/callback"],
              "post_logout_redirect_uris": ["http://localhost:8080/"],
              "grant_types": ["authorization_code", "refresh_token"] },
            { "client_id": "loader", "client_secret": SECRET, "redirect_uris": [],
              "response_types": [], "grant_types": ["client_credentials"] },
        ],
        "people": [
            { "sub": "olivia", "name": "Olivia", "email": "olivia@example.test", "password": "p" },
            { "sub": "mallory", "name": "Mallory", "email": "mallory@example.test", "password": "p",
              "emailVerified": false },
        ],
    });
    let log = env::temp_dir().join(format!("countersign-test-{}.log", std::process::id()));
    let provider = tokio::task::spawn_blocking(move || Provider::start(&settings, &log));
    let provider = provider.await.unwrap().unwrap();
    let configured = issuer.clone();
    // The provider lives in real time, and so must the product beside it.
    let app = TestApp::start_with(real_time(), |toml| {
        toml.replace("http://127.0.0.1:9", &configured).replace(
            "client_secret = \"secret\"",
            &format!("client_secret = \"{SECRET}\""),
        )
    })
    .await;
    Stand {
        app,
        provider,
        issuer,
    }
}

#[expect(clippy::disallowed_methods, reason = "the provider lives in real time")]
fn real_time() -> DateTime<Utc> {
    Utc::now()
}

/// A browser's cookies and its last answer.
#[derive(Default)]
struct Visit {
    cookies: HashMap<String, String>,
}

impl Visit {
    fn header(&self) -> String {
        let pairs = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    async fn get(&mut self, stand: &Stand, url: &str) -> reqwest::Response {
        let answer = stand.app.http().get(url).header("cookie", self.header());
        let answer = answer
            .header("x-csrf", "1")
            .header("sec-fetch-site", "same-origin");
        self.keep(answer.send().await.unwrap())
    }

    fn keep(&mut self, answer: reqwest::Response) -> reqwest::Response {
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Goes as far as the provider's redirect back to the product; the address of the callback.
    async fn reach_callback(&mut self, stand: &Stand, email: &str) -> String {
        let begun = self
            .get(
                stand,
                &format!("{}/bff/login?returnUrl=/t/x", stand.app.url()),
            )
            .await;
        assert_eq!(begun.status().as_u16(), 303);
        let sign_in = begun.headers()["set-cookie"].to_str().unwrap().to_owned();
        for flag in ["__Host-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(sign_in.contains(flag), "{sign_in}");
        }
        let authorize = self.get(stand, &location(&begun)).await;
        let interaction = location(&authorize);
        let interaction = format!("{}{}", stand.issuer, interaction.replace(&stand.issuer, ""));
        let form = format!("email={}&password=p", email.replace('@', "%40"));
        let answer = stand
            .app
            .http()
            .post(interaction)
            .header("cookie", self.header());
        let answer = answer
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answer = self.keep(answer.send().await.unwrap());
        let resumed = self.get(stand, &location(&answer)).await;
        let callback = location(&resumed);
        assert!(
            callback.starts_with("http://localhost:8080/bff/callback?"),
            "{callback}"
        );
        callback.replace("http://localhost:8080", stand.app.url())
    }

    async fn sign_in(stand: &Stand, email: &str) -> Self {
        let mut visit = Self::default();
        let callback = visit.reach_callback(stand, email).await;
        let answer = visit.get(stand, &callback).await;
        assert_eq!(answer.status().as_u16(), 200, "{:?}", answer.text().await);
        visit
    }

    async fn user(&mut self, stand: &Stand) -> Reply {
        Reply::of(
            self.get(stand, &format!("{}/bff/user", stand.app.url()))
                .await,
        )
        .await
    }
}

fn location(answer: &reqwest::Response) -> String {
    let location = answer.headers().get("location");
    location
        .unwrap_or_else(|| panic!("no location: {answer:?}"))
        .to_str()
        .unwrap()
        .to_owned()
}

async fn invite(stand: &Stand, email: &str) {
    let tenant = stand.app.tenant("northwind").await;
    let new = NewMember {
        email: email.to_owned(),
        name: "Invited".to_owned(),
        role: Role::Owner,
        capabilities: [].into(),
    };
    stand
        .app
        .database()
        .operator()
        .add_member(tenant.id, &new)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_works_and_signs_out() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::default();
    let callback = visit.reach_callback(&stand, "olivia@example.test").await;
    let answer = visit.get(&stand, &callback).await;
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    let session = cookies
        .iter()
        .map(|c| c.to_str().unwrap())
        .find(|c| c.starts_with("__Host-countersign="));
    for flag in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(session.unwrap().contains(flag), "{session:?}");
    }
    assert!(
        answer.text().await.unwrap().contains("url=/t/x"),
        "back to where one wanted to be"
    );

    let user = visit.user(&stand).await;
    assert_eq!(
        user.body["user"]["email"], "olivia@example.test",
        "{:?}",
        user.body
    );
    assert_eq!(user.body["user"]["name"], "Olivia");
    assert_eq!(user.body["activeTenant"], "northwind");
    assert!(
        !user.body.to_string().contains("eyJ"),
        "no token reaches the browser"
    );

    let other = visit
        .get(&stand, &format!("{}/bff/logout?sid=ses_1", stand.app.url()))
        .await;
    assert_eq!(
        other.status().as_u16(),
        400,
        "another site can not sign people out"
    );
    let logout = user.body["logoutUrl"].as_str().unwrap();
    let before = visit.header();
    let out = visit
        .get(&stand, &format!("{}{logout}", stand.app.url()))
        .await;
    let next = location(&out);
    assert!(
        next.starts_with(&format!("{}/session/end?", stand.issuer)),
        "{next}"
    );
    assert!(next.contains("id_token_hint=") && next.contains("post_logout_redirect_uri="));
    let stale = stand
        .app
        .http()
        .get(format!("{}/bff/user", stand.app.url()))
        .header("cookie", before);
    let stale = stale
        .header("x-csrf", "1")
        .header("sec-fetch-site", "same-origin")
        .send()
        .await;
    assert_eq!(
        stale.unwrap().status().as_u16(),
        401,
        "the cookie of before opens nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_finished_once_and_by_the_browser_that_began_it() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut mine = Visit::default();
    let callback = mine.reach_callback(&stand, "olivia@example.test").await;

    let person = stand
        .app
        .http()
        .get(&callback)
        .header("accept", "text/html,*/*");
    let person = person.send().await.unwrap();
    assert_eq!(person.status().as_u16(), 303, "a person is told by a page");
    assert_eq!(location(&person), "/sign-in?error=access_denied");

    let mut victim = Visit::default();
    let lured = Reply::of(victim.get(&stand, &callback).await).await;
    assert_eq!(
        (lured.status, lured.error_code()),
        (401, Some("SIGN_IN_REFUSED"))
    );
    assert!(victim.cookies.is_empty());

    let wrong = callback.replace("state=", "state=x");
    let wrong = Reply::of(mine.get(&stand, &wrong).await).await;
    assert_eq!(wrong.status, 401);

    let again = mine.header();
    assert_eq!(mine.get(&stand, &callback).await.status().as_u16(), 200);
    let replayed = stand
        .app
        .http()
        .get(&callback)
        .header("cookie", again)
        .send()
        .await
        .unwrap();
    assert_eq!(replayed.status().as_u16(), 401, "a callback is good once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unconfirmed_address_claims_nobody() {
    let stand = stand().await;
    invite(&stand, "mallory@example.test").await;
    let mut visit = Visit::default();
    let callback = visit.reach_callback(&stand, "mallory@example.test").await;
    let refused = Reply::of(visit.get(&stand, &callback).await).await;
    assert_eq!(refused.status, 401, "{:?}", refused.body);
    assert!(refused.body["detail"].as_str().unwrap().contains("e-mail"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_provider_is_away_people_go_on_working_and_sign_in_says_so() {
    let mut stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::sign_in(&stand, "olivia@example.test").await;
    stand.provider.stop();
    stand.app.clock.advance(chrono::Duration::hours(1));
    let user = visit.user(&stand).await;
    assert_eq!(
        user.status, 200,
        "tokens are due, and the session goes on: {:?}",
        user.body
    );
    let body = json!({ "query": "{ viewer { kind } }" });
    let work = stand
        .app
        .http()
        .post(format!("{}/graphql", stand.app.url()))
        .json(&body);
    let work = work.header("cookie", visit.header()).header("x-csrf", "1");
    let work = Reply::of(
        work.header("sec-fetch-site", "same-origin")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(work.data()["viewer"]["kind"], "HUMAN", "{:?}", work.body);

    // A product that never saw the provider can not begin a sign-in, and says why.
    let fresh = TestApp::start_with(real_time(), |toml| {
        toml.replace("http://127.0.0.1:9", &stand.issuer)
    })
    .await;
    let sign_in = fresh
        .http()
        .get(format!("{}/bff/login", fresh.url()))
        .send()
        .await
        .unwrap();
    let sign_in = Reply::of(sign_in).await;
    assert_eq!(sign_in.status, 503);
    assert!(sign_in.headers.contains_key("retry-after"));
    assert!(
        sign_in.body["detail"]
            .as_str()
            .unwrap()
            .contains("provider"),
        "{:?}",
        sign_in.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_renewed_once_and_a_rotated_key_is_found() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::sign_in(&stand, "olivia@example.test").await;
    let control = |what: &str| {
        stand
            .app
            .http()
            .post(format!("{}/control/{what}", stand.issuer))
            .send()
    };
    // Past the access token's minute, not past the clock's leeway.
    stand.app.clock.advance(chrono::Duration::seconds(45));
    let mut many = Vec::new();
    for _ in 0..6 {
        let mut same = Visit {
            cookies: visit.cookies.clone(),
        };
        let stand = &stand;
        many.push(async move { same.user(stand).await.status });
    }
    let statuses = futures::future::join_all(many).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    // The provider ends a grant whose refresh token is used twice: had two callers renewed, the
    // session would be gone.
    assert_eq!(visit.user(&stand).await.status, 200);

    assert_eq!(control("rotate-keys").await.unwrap().status().as_u16(), 204);
    stand.app.clock.advance(chrono::Duration::seconds(10));
    let mut other = Visit::sign_in(&stand, "olivia@example.test").await;
    assert_eq!(
        other.user(&stand).await.status,
        200,
        "the new key was fetched"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_comes_with_a_token_of_the_provider_and_stays_in_its_lane() {
    let stand = stand().await;
    let tenant = stand.app.tenant("northwind").await;
    let token = |scope: &'static str| {
        let body = format!("grant_type=client_credentials&resource={AUDIENCE}&scope={scope}");
        let request = stand.app.http().post(format!("{}/token", stand.issuer));
        let request = request.basic_auth("loader", Some(SECRET)).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        async move {
            let reply = Reply::of(request.send().await.unwrap()).await;
            reply.body["access_token"]
                .as_str()
                .unwrap_or_else(|| panic!("{:?}", reply.body))
                .to_owned()
        }
    };
    let ask = |token: String, query: &'static str| {
        let request = stand
            .app
            .http()
            .post(format!("{}/graphql", stand.app.url()));
        let request = request.bearer_auth(token).json(&json!({ "query": query }));
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let jwt = token("basic:read members:remove").await;
    let unknown = ask(jwt.clone(), "{ viewer { kind } }").await;
    assert_eq!(unknown.status, 401, "a client that no tenant has let in");

    let new = NewMachine {
        issuer: stand.issuer.clone(),
        client_id: "loader".to_owned(),
        name: "Loader".to_owned(),
        scopes: [Scope::BasicRead, Scope::MembersRemove].into(),
    };
    stand
        .app
        .database()
        .operator()
        .add_machine(tenant.id, &new)
        .await
        .unwrap();
    let viewer = ask(jwt.clone(), "{ viewer { kind scopes } }").await;
    assert_eq!(
        viewer.data()["viewer"]["kind"],
        "MACHINE",
        "{:?}",
        viewer.body
    );
    let narrow = ask(token("basic:read").await, "{ viewer { scopes } }").await;
    assert_eq!(
        narrow.data()["viewer"]["scopes"],
        json!(["basic:read"]),
        "what the token asked for"
    );
    let human = ask(jwt, "mutation { createApiToken(input: { name: \"x\", scopes: [\"basic:read\"] }) { plainToken } }").await;
    assert_eq!(human.error_code(), Some("FORBIDDEN"));
    assert_eq!(
        human.body["errors"][0]["extensions"]["rule"],
        "machine.never-attributed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_signs_people_out_by_its_back_channel() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::sign_in(&stand, "olivia@example.test").await;
    let url = format!("{}/bff/backchannel", stand.app.url());
    for forged in ["x", "e30.e30.e30"] {
        let body = format!("logout_token={forged}");
        let request = stand.app.http().post(&url).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(
            (reply.status, reply.error_code()),
            (400, Some("INVALID_LOGOUT_TOKEN"))
        );
    }
    assert_eq!(visit.user(&stand).await.status, 200);
    // The provider's own call, to where this product listens.
    let told = format!(
        "{}/control/end-sessions?client=countersign&sub=olivia&uri={}",
        stand.issuer,
        url.replace(':', "%3A").replace('/', "%2F")
    );
    let told = stand.app.http().post(told).send().await.unwrap();
    assert_eq!(told.status().as_u16(), 204, "{:?}", told.text().await);
    assert_eq!(
        visit.user(&stand).await.status,
        401,
        "the very next request is refused"
    );
}
