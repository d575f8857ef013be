//! The product, started.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_web::{dev::ServerHandle, web};
use chrono::{DateTime, Duration, Utc};
use countersign::{
    config::Config,
    server::{Server, State},
};
use countersign_domain::{
    access::{Capability, Role},
    id::{RequestId, TenantId},
};
use countersign_entities::{
    Clock, Database, NewMember, NewSession, NewTenant, ProvidedIdentity, ProviderTokens,
    RequestFacts,
};
use countersign_policies::Engine;
use secrecy::SecretString;

use crate::{
    client::Browser,
    database::TestDatabase,
    logs,
    time::{TestClock, TestIds},
};

static SEED: AtomicU64 = AtomicU64::new(1);

/// A tenant of a test.
#[derive(Debug, Clone)]
pub struct TestTenant {
    /// Its id.
    pub id: TenantId,
    /// Its name in addresses.
    pub slug: String,
}

/// The product on a database of its own.
#[derive(Debug)]
pub struct TestApp {
    /// The clock of everything in it.
    pub clock: Arc<TestClock>,
    /// Its database.
    pub test_database: TestDatabase,
    state: web::Data<State>,
    http: reqwest::Client,
    url: String,
    management: String,
    /// Handle of the server; it stops with the app.
    handle: ServerHandle,
}

impl TestApp {
    /// Starts it on a fresh copy of the template, its clock at a fixed instant.
    pub async fn start() -> Self {
        let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default();
        Self::start_with(start, |toml| toml).await
    }

    /// Starts it with another configuration, and the clock at `now`.
    pub async fn start_with(now: DateTime<Utc>, change: impl FnOnce(String) -> String) -> Self {
        logs::capture();
        let test_database = TestDatabase::create().await;
        let toml = change(configuration(&test_database));
        let clock = Arc::new(TestClock::at(now));
        let ids = Arc::new(TestIds::seeded(SEED.fetch_add(1, Ordering::Relaxed)));
        let config = Config::from_toml(&toml).unwrap_or_else(|error| panic!("{error}"));
        let server = Server::build(config, Arc::clone(&clock) as Arc<dyn Clock>, ids)
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        let url = format!("http://{}", server.address());
        let management = server.management_address();
        let management = management.unwrap_or_else(|| panic!("no port for management"));
        let management = format!("http://{management}");
        let state = server.state();
        let handle = server
            .serve_in_background()
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(std::time::Duration::from_secs(30))
            .build()
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            clock,
            test_database,
            state,
            http,
            url,
            management,
            handle,
        }
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of the operator's endpoints.
    pub fn management(&self) -> &str {
        &self.management
    }

    /// What monitoring reads of one count, with its labels as they are written.
    pub async fn metric(&self, name: &str) -> u64 {
        let url = format!("{}/metrics", self.management);
        let answer = self.http.get(url).send().await;
        let text = match answer {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(error) => panic!("{error}"),
        };
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().parse().ok())
            .unwrap_or_default()
    }

    /// The storage floor of the running server.
    pub fn database(&self) -> &Database {
        &self.state.database
    }

    /// What is known of a request of now, which nobody sent.
    pub fn facts(&self) -> RequestFacts {
        RequestFacts {
            request: RequestId::new(self.database().ids().uuid()),
            source: None,
            at: self.clock.now(),
            idempotency_key: None,
        }
    }

    /// The policy engine of the running server.
    pub fn engine(&self) -> Engine {
        self.state.policies.current().engine.clone()
    }

    /// What the server's handlers share.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The same, for handlers of a test's own.
    pub fn shared(&self) -> web::Data<State> {
        web::Data::clone(&self.state)
    }

    /// A client without a credential.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Makes a tenant by the operator's side.
    pub async fn tenant(&self, slug: &str) -> TestTenant {
        let new = NewTenant {
            slug: slug.to_owned(),
            name: format!("Tenant {slug}"),
        };
        let id = self.database().operator().create_tenant(&new).await;
        TestTenant {
            id: id.unwrap_or_else(|error| panic!("{error:?}")),
            slug: slug.to_owned(),
        }
    }

    /// Makes a person of that role and signs them in, without a provider.
    pub async fn person(&self, tenant: &TestTenant, role: Role, name: &str) -> Browser {
        self.person_with(tenant, role, &[], name).await
    }

    /// Makes a person of that role with capabilities beside it and signs them in.
    pub async fn person_with(
        &self,
        tenant: &TestTenant,
        role: Role,
        capabilities: &[Capability],
        name: &str,
    ) -> Browser {
        self.sign_in(tenant, role, capabilities, name, false).await
    }

    /// Makes a person of that role and signs them in with a second factor, without a provider.
    pub async fn person_with_factor(&self, tenant: &TestTenant, role: Role, name: &str) -> Browser {
        self.sign_in(tenant, role, &[], name, true).await
    }

    async fn sign_in(
        &self,
        tenant: &TestTenant,
        role: Role,
        capabilities: &[Capability],
        name: &str,
        mfa: bool,
    ) -> Browser {
        let email = format!("{name}@example.test");
        let new = NewMember {
            email: email.clone(),
            name: name.to_owned(),
            role: role.into(),
            capabilities: capabilities.iter().copied().collect::<BTreeSet<_>>(),
        };
        let added = self.database().operator().add_member(tenant.id, &new).await;
        let (member, _) = added.unwrap_or_else(|error| panic!("{error:?}"));
        let now = self.clock.now();
        let facts = self.facts();
        let entry = self.database().entry();
        let identity = ProvidedIdentity {
            issuer: "https://issuer.test".to_owned(),
            subject: email.clone(),
            email: Some(email.clone()),
            email_verified: true,
            name: Some(name.to_owned()),
        };
        let user = entry.sign_in_user(&identity, now).await;
        let user = user.unwrap_or_else(|error| panic!("{error:?}"));
        let session = NewSession {
            user,
            issuer: identity.issuer,
            subject: identity.subject,
            provider_sid: None,
            tokens: ProviderTokens {
                access: SecretString::from("access"),
                refresh: None,
                access_expires_at: now + Duration::days(1_000),
            },
            mfa,
            expires_at: now + Duration::days(1_000),
        };
        let secret = entry.open_session(session, &facts).await;
        let secret = secret.unwrap_or_else(|error| panic!("{error:?}"));
        let switched = entry.switch_tenant(&secret, &tenant.slug, &facts).await;
        assert!(matches!(switched, Ok(true)), "{switched:?}");
        Browser {
            state: web::Data::clone(&self.state),
            http: self.http.clone(),
            url: self.url.clone(),
            secret: secret.reveal(),
            user,
            member,
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // Not awaited: the test is over, and the process goes on with others.
        drop(self.handle.stop(false));
    }
}

/// The configuration of a product on a test's database.
pub fn configuration(database: &TestDatabase) -> String {
    format!(
        "[http]\nlisten = \"127.0.0.1:0\"\nmanagement_listen = \"127.0.0.1:0\"\npublic_url = \"http://localhost:8080\"\n\
         [database]\nentry_url = \"{}\"\nbooks_url = \"{}\"\nconnections_max = 4\n\
         [oidc]\nissuer = \"http://127.0.0.1:9\"\nclient_id = \"countersign\"\n\
         client_secret = \"secret\"\n\
         [keys]\nkek = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\n\
         [policies]\nuncertified = true\n",
        database.url("countersign_entry"),
        database.url("countersign_books"),
    )
}
