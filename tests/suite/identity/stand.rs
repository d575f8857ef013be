//! A product beside a certified provider, and a browser that keeps cookies.

use std::{
    collections::HashMap,
    env,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use countersign_domain::access::Role;
use countersign_entities::NewMember;
use countersign_stand::{postgres::free_port, provider::Provider};
use countersign_tests::{Reply, TestApp};
use serde_json::json;

/// How long it is waited for what a server does by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// A product with a provider of its own.
pub(super) struct Stand {
    pub(super) app: TestApp,
    pub(super) provider: Provider,
    pub(super) issuer: String,
}

pub(super) const SECRET: &str = "a-secret-of-the-tests";
pub(super) const AUDIENCE: &str = "http://localhost:8080/graphql";

pub(super) async fn stand() -> Stand {
    stand_with(&["authorization_code", "refresh_token"]).await
}

/// The same with a client that is given these grants.
pub(super) async fn stand_with(grants: &[&str]) -> Stand {
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
              "grant_types": grants },
            { "client_id": "loader", "client_secret": SECRET, "redirect_uris": [],
              "response_types": [], "grant_types": ["client_credentials"] },
        ],
        "people": [
            { "sub": "olivia", "name": "Olivia", "email": "olivia@example.test", "password": "p" },
            { "sub": "otis", "name": "Otis", "email": "otis@example.test", "password": "p",
              "amr": ["pwd", "otp"] },
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
pub(super) fn real_time() -> DateTime<Utc> {
    Utc::now()
}

/// A browser's cookies and its last answer.
#[derive(Default)]
pub(super) struct Visit {
    pub(super) cookies: HashMap<String, String>,
}

impl Visit {
    pub(super) fn header(&self) -> String {
        let pairs = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    pub(super) async fn get(&mut self, stand: &Stand, url: &str) -> reqwest::Response {
        let answer = stand.app.http().get(url).header("cookie", self.header());
        let answer = answer
            .header("x-csrf", "1")
            .header("sec-fetch-site", "same-origin");
        self.keep(answer.send().await.unwrap())
    }

    pub(super) fn keep(&mut self, answer: reqwest::Response) -> reqwest::Response {
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
    pub(super) async fn reach_callback(&mut self, stand: &Stand, email: &str) -> String {
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

    pub(super) async fn sign_in(stand: &Stand, email: &str) -> Self {
        let mut visit = Self::default();
        let callback = visit.reach_callback(stand, email).await;
        let answer = visit.get(stand, &callback).await;
        assert_eq!(answer.status().as_u16(), 200, "{:?}", answer.text().await);
        visit
    }

    /// Presses the button of the provider's page at `next`; where that leads.
    pub(super) async fn confirm_sign_out(&mut self, stand: &Stand, next: &str) -> String {
        let page = self.get(stand, next).await;
        assert_eq!(page.status().as_u16(), 200);
        let page = page.text().await.unwrap();
        let field = |before: &str| {
            let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("{page}"));
            rest.split('"').next().unwrap().to_owned()
        };
        assert!(page.contains("Sign out</button>"), "{page}");
        let to = field("action=\"");
        let form = format!("xsrf={}&logout=yes", field("name=\"xsrf\" value=\""));
        let answer = stand.app.http().post(to).header("cookie", self.header());
        let answer = answer
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        location(&self.keep(answer.send().await.unwrap()))
    }

    /// What somebody is answered who only works.
    pub(super) async fn work(&self, stand: &Stand) -> Reply {
        let work = stand
            .app
            .http()
            .post(format!("{}/graphql", stand.app.url()));
        let work = work
            .header("cookie", self.header())
            .header("x-csrf", "1")
            .header("sec-fetch-site", "same-origin")
            .json(&json!({ "query": "{ viewer { kind } }" }));
        Reply::of(work.send().await.unwrap()).await
    }

    /// Works until the session has ended.
    pub(super) async fn until_ended(&self, stand: &Stand) {
        let deadline = Instant::now() + PATIENCE;
        while self.work(stand).await.status != 401 {
            assert!(Instant::now() < deadline, "the session does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) async fn user(&mut self, stand: &Stand) -> Reply {
        Reply::of(
            self.get(stand, &format!("{}/bff/user", stand.app.url()))
                .await,
        )
        .await
    }
}

pub(super) fn location(answer: &reqwest::Response) -> String {
    let location = answer.headers().get("location");
    location
        .unwrap_or_else(|| panic!("no location: {answer:?}"))
        .to_str()
        .unwrap()
        .to_owned()
}

pub(super) async fn invite(stand: &Stand, email: &str) {
    let tenant = stand.app.tenant("northwind").await;
    let new = NewMember {
        email: email.to_owned(),
        name: "Invited".to_owned(),
        role: Role::Owner.into(),
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

impl Stand {
    /// Waits until the provider has counted that many.
    pub(super) async fn counts(&self, what: &str, wanted: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.control(what).await.text().await.unwrap() != wanted {
            assert!(Instant::now() < deadline, "`{what}` is never {wanted}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Does something to the provider.
    pub(super) async fn control(&self, what: &str) -> reqwest::Response {
        let url = format!("{}/control/{what}", self.issuer);
        let answer = self.app.http().post(url).send().await.unwrap();
        assert!(answer.status().is_success(), "{what}: {answer:?}");
        answer
    }
}
