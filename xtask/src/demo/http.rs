//! A client of the product: as a machine with a token, or as a person's browser with cookies.

use std::sync::atomic::{AtomicU64, Ordering};

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use ureq::{Agent, http::Response};

use super::{Demo, people};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How a request is let in.
#[derive(Debug)]
pub(crate) enum Client {
    /// By a client-credentials token of the provider.
    Machine(String),
    /// By the session cookie.
    Person(String),
}

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(TIMEOUT))
        .build()
        .into()
}

/// Whether the server is ready.
pub(crate) fn is_ready(url: &str) -> bool {
    agent()
        .get(format!("{url}/readyz"))
        .call()
        .is_ok_and(|answer| answer.status() == 200)
}

impl Client {
    /// A machine, by the provider's token endpoint (RFC 6749, section 4.4).
    pub(crate) fn machine(demo: &Demo, client_id: &str) -> anyhow::Result<Self> {
        let scopes = people::MACHINE_SCOPES.join(" ");
        let resource = format!("{}/graphql", demo.url);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", demo.secrets.client_secret.as_str()),
            ("scope", scopes.as_str()),
            ("resource", resource.as_str()),
        ];
        let basic = super::secrets::base64(
            format!("{client_id}:{}", demo.secrets.client_secret).as_bytes(),
        );
        let form = form
            .into_iter()
            .filter(|(name, _)| !name.starts_with("client_"));
        let mut answer = agent()
            .post(format!("{}/token", demo.issuer))
            .header("authorization", format!("Basic {basic}"))
            .send_form(form)?;
        let body: Value = answer.body_mut().read_json()?;
        let token = body.get("access_token").and_then(Value::as_str);
        Ok(Self::Machine(
            token
                .with_context(|| format!("no token: {body}"))?
                .to_owned(),
        ))
    }

    /// A person's browser, through the provider's sign-in page.
    pub(crate) fn person(demo: &Demo, email: &str, tenant: &str) -> anyhow::Result<Self> {
        let mut jar = Jar::default();
        let mut at = jar.redirected(&agent(), &format!("{}/bff/login", demo.url))?;
        at = jar.redirected(&agent(), &at)?;
        let interaction = format!("{}{}", demo.issuer, at.trim_start_matches(&demo.issuer));
        let answer = agent()
            .post(&interaction)
            .header("cookie", jar.header())
            .send_form([("email", email), ("password", people::PASSWORD)])?;
        at = jar
            .take(&answer)?
            .context("the provider does not take the password")?;
        at = jar.redirected(&agent(), &at)?;
        let answer = agent().get(&at).header("cookie", jar.header()).call()?;
        ensure!(
            answer.status() == 200,
            "the sign-in ended with {}",
            answer.status()
        );
        jar.take(&answer)?;
        let person = Self::Person(jar.header());
        let chosen = person
            .sent(agent().post(format!("{}/bff/tenant", demo.url)))
            .send_json(json!({ "slug": tenant }))?;
        ensure!(
            chosen.status() == 204,
            "the tenant was not chosen: {}",
            chosen.status()
        );
        Ok(person)
    }

    /// The data of a GraphQL answer without errors.
    pub(crate) fn graphql(
        &self,
        demo: &Demo,
        query: &str,
        variables: &Value,
    ) -> anyhow::Result<Value> {
        static SENT: AtomicU64 = AtomicU64::new(0);
        let number = SENT.fetch_add(1, Ordering::Relaxed);
        let request = self
            .sent(agent().post(format!("{}/graphql", demo.url)))
            .header(
                "idempotency-key",
                format!("demo-{}-{number}", std::process::id()),
            );
        let mut answer = request.send_json(json!({ "query": query, "variables": variables }))?;
        let mut body: Value = answer.body_mut().read_json()?;
        if body.get("errors").is_some() || body.get("data").is_none() {
            bail!("the server refuses: {body}");
        }
        Ok(body.get_mut("data").map(Value::take).unwrap_or_default())
    }

    fn sent(
        &self,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
    ) -> ureq::RequestBuilder<ureq::typestate::WithBody> {
        match self {
            Self::Machine(token) => request.header("authorization", format!("Bearer {token}")),
            Self::Person(cookies) => request
                .header("cookie", cookies)
                .header("x-csrf", "1")
                .header("sec-fetch-site", "same-origin"),
        }
    }
}

/// The cookies of one browser. Product and provider are one host to a browser, and share them.
#[derive(Debug, Default)]
struct Jar(HashMap<String, String>);

impl Jar {
    fn header(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// Keeps the cookies of an answer; says where it leads.
    fn take<B>(&mut self, answer: &Response<B>) -> anyhow::Result<Option<String>> {
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = answer.headers().get("location");
        Ok(location
            .map(|to| to.to_str().map(str::to_owned))
            .transpose()?)
    }

    fn redirected(&mut self, agent: &Agent, url: &str) -> anyhow::Result<String> {
        let answer = agent.get(url).header("cookie", self.header()).call()?;
        let status = answer.status();
        self.take(&answer)?
            .with_context(|| format!("`{url}` leads nowhere: {status}"))
    }
}
