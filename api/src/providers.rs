//! Calls to outside providers with credentials of tenants, each lent by the vault for the one call.

use std::time::Duration;

use countersign_domain::credentials::{CheckOutcome, PlainCredential, Provider};
use reqwest::{Client, StatusCode, redirect};
use url::Url;

use crate::config;

/// How long a provider has to answer.
const TIMEOUT: Duration = Duration::from_secs(8);

/// The outside providers.
#[derive(Debug, Clone)]
pub struct Providers {
    http: Client,
    openai: Url,
    stripe: Url,
}

impl Providers {
    /// The providers at those addresses.
    pub fn new(settings: &config::Providers) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            // A redirect could lead a request with a tenant's credential elsewhere.
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self {
            http,
            openai: settings.openai_url.clone(),
            stripe: settings.stripe_url.clone(),
        })
    }

    /// What a check asks of a provider, as the audit log writes it.
    pub const fn check_call(provider: Provider) -> &'static str {
        match provider {
            Provider::OpenAi => "OPENAI GET /v1/models",
            Provider::Stripe => "STRIPE GET /v1/account",
        }
    }

    /// Asks the provider for what costs nothing and changes nothing, and sees whether the credential lets in.
    pub async fn check(&self, provider: Provider, credential: &PlainCredential) -> CheckOutcome {
        let (base, path) = match provider {
            Provider::OpenAi => (&self.openai, "v1/models"),
            Provider::Stripe => (&self.stripe, "v1/account"),
        };
        let Ok(address) = base.join(path) else {
            return CheckOutcome::Unreachable;
        };
        let request = self.http.get(address).bearer_auth(credential.reveal());
        match request.send().await.map(|response| response.status()) {
            Ok(status) if status.is_success() => CheckOutcome::Accepted,
            Ok(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => CheckOutcome::Refused,
            Ok(status) => {
                tracing::warn!(
                    provider = provider.name(),
                    status = status.as_u16(),
                    "a provider answers otherwise"
                );
                CheckOutcome::Unreachable
            }
            Err(error) => {
                let error = error.without_url();
                tracing::warn!(
                    provider = provider.name(),
                    error = &error as &dyn std::error::Error,
                    "a provider does not answer"
                );
                CheckOutcome::Unreachable
            }
        }
    }
}
