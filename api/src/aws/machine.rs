//! The identity that this machine was given, kept for everything that asks AWS.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use countersign_entities::Clock;
use reqwest::{Client, RequestBuilder, redirect};
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::{Access, CredentialError, container, instance};
use crate::{causes::with_causes, config::AwsMachine};

/// How long who gives credentials has to answer. It is on this machine, or next to it.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The most bytes of an answer.
const BYTES_MAX: usize = 64 << 10;
/// The most characters of its words that are told to the operator.
const WORDS_MAX: usize = 200;

/// Credentials are asked for anew so long before they end.
const MARGIN: TimeDelta = TimeDelta::minutes(5);
/// What there is, is used for so long before they are asked for anew, should that fail or a service refuse them.
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// A failure is told for so long to everybody who wants credentials, where there are none.
const FAILED: TimeDelta = TimeDelta::seconds(2);

/// Who gives credentials to what runs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// ECS or EKS, to a container.
    Container,
    /// EC2, to an instance.
    Instance,
}

impl Given {
    /// What to do where it does not answer.
    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::Container => "see to the agent that answers there",
            Self::Instance => {
                "off EC2 give keys as `credentials`; in a container on an instance, let the instance's metadata be \
                 reached over two hops, or give the container a role of its own"
            }
        }
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Container => "endpoint of the container's credentials",
            Self::Instance => "metadata service of the instance",
        })
    }
}

/// The identity of this machine. Its copies are one and the same.
#[derive(Clone)]
pub struct Machine(Arc<Inner>);

struct Inner {
    settings: AwsMachine,
    clock: Arc<dyn Clock>,
    /// Whoever fetches holds it, and who comes meanwhile waits for what is fetched.
    container: Mutex<Option<Kept>>,
    instance: Mutex<Option<Kept>>,
}

/// What was given, or why nothing was.
struct Kept {
    result: Result<Arc<Access>, CredentialError>,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Machine {
    /// The identity that is given as the settings say. Nothing is asked for yet.
    pub fn new(settings: &AwsMachine, clock: &Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            settings: settings.clone(),
            clock: Arc::clone(clock),
            container: Mutex::default(),
            instance: Mutex::default(),
        }))
    }

    /// Who gives credentials here: what the platform names comes before the instance that it runs on.
    pub fn given(&self) -> Given {
        if self.0.settings.names_container() {
            Given::Container
        } else {
            Given::Instance
        }
    }

    /// The key to sign with now. It is asked for once, whoever waits for it, and again when it is about to end.
    pub async fn access(&self, given: Given) -> Result<Arc<Access>, CredentialError> {
        let mut kept = self.kept(given).lock().await;
        let now = self.0.clock.now();
        if let Some(kept) = kept.as_ref().filter(|kept| now < kept.until) {
            return kept.result.clone();
        }
        let fetched = match (self.fetch(given).await, kept.take()) {
            (Ok(access), _) => Kept::access(Arc::new(access), now),
            (Err(error), before) => match before.and_then(|kept| kept.while_valid(now)) {
                Some(still) => {
                    tracing::warn!(%error, "credentials of AWS are not given anew: those before are used");
                    still
                }
                None => Kept::failure(error, now),
            },
        };
        kept.insert(fetched).result.clone()
    }

    /// A service refused what was signed with that key. It is asked for anew, and not again at once: what was
    /// refused may be what the identity may do, and not who it is.
    pub(super) async fn doubt(&self, given: Given, access: &Arc<Access>) {
        let mut kept = self.kept(given).lock().await;
        let Some(kept) = kept.as_mut() else { return };
        if kept
            .result
            .as_ref()
            .is_ok_and(|kept| Arc::ptr_eq(kept, access))
        {
            kept.until = kept.until.min(kept.since + AGAIN);
        }
    }

    fn kept(&self, given: Given) -> &Mutex<Option<Kept>> {
        match given {
            Given::Container => &self.0.container,
            Given::Instance => &self.0.instance,
        }
    }

    async fn fetch(&self, given: Given) -> Result<Access, CredentialError> {
        // It lives as long as it is needed: minutes pass until the next time. What is asked is here, and no
        // proxy's.
        let built = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build();
        let http = built.map_err(|error| CredentialError::Away {
            given,
            cause: with_causes(&error),
        })?;
        match given {
            Given::Container => container::fetch(&http, &self.0.settings).await,
            Given::Instance => instance::fetch(&http, &self.0.settings.metadata_url).await,
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine({:?})", self.given())
    }
}

impl Kept {
    fn access(access: Arc<Access>, now: DateTime<Utc>) -> Self {
        let until = access
            .expires
            .map_or(DateTime::<Utc>::MAX_UTC, |at| at - MARGIN);
        Self {
            result: Ok(access),
            since: now,
            // What is about to end when it is given is all there is for now.
            until: until.max(now + AGAIN),
        }
    }

    fn failure(error: CredentialError, now: DateTime<Utc>) -> Self {
        Self {
            result: Err(error),
            since: now,
            until: now + FAILED,
        }
    }

    /// The same for a while, where it is a key that has not ended.
    fn while_valid(self, now: DateTime<Utc>) -> Option<Self> {
        let access = self.result.as_ref().ok()?;
        let ends = access.expires.unwrap_or(DateTime::<Utc>::MAX_UTC);
        (now < ends).then(|| Self {
            until: ends.min(now + AGAIN),
            ..self
        })
    }
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// The form of credentials, which both have.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: String,
    secret_access_key: SecretString,
    token: SecretString,
    expiration: DateTime<Utc>,
}

impl Given {
    /// Sends a request and reads the whole answer. Where it is unwell, that is the error.
    pub(super) async fn ask(self, request: RequestBuilder) -> Result<Answer, CredentialError> {
        let away = |cause| CredentialError::Away { given: self, cause };
        let unreachable = |error: reqwest::Error| {
            away(if error.is_timeout() {
                format!("no answer within {} s", TIMEOUT.as_secs())
            } else {
                with_causes(&error.without_url())
            })
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let mut body = Zeroizing::new(Vec::with_capacity(BYTES_MAX));
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len().saturating_add(chunk.len()) > BYTES_MAX {
                return Err(self.garbled("it is longer than any that is known"));
            }
            body.extend_from_slice(&chunk);
        }
        if status == 429 || status >= 500 {
            return Err(away(format!("it answers {status}")));
        }
        Ok(Answer { status, body })
    }

    pub(super) fn garbled(self, cause: &'static str) -> CredentialError {
        CredentialError::Garbled { given: self, cause }
    }

    /// A refusal, in the service's own words where it has some.
    pub(super) fn refused(self, code: &str, message: &str) -> CredentialError {
        let said: String = message.chars().take(WORDS_MAX).collect();
        let said = said.trim();
        let cause = if said.is_empty() {
            code.to_owned()
        } else {
            format!("{code}: {said}")
        };
        CredentialError::Refused { given: self, cause }
    }
}

impl Answer {
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON of that form.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The credentials that are in it.
    pub(super) fn access(&self, given: Given) -> Result<Access, CredentialError> {
        let document: Option<Document> = self.json();
        let document = document
            .ok_or_else(|| given.garbled("credentials are not of the form that is known"))?;
        Ok(Access {
            id: document.access_key_id,
            secret: document.secret_access_key,
            session: Some(document.token),
            expires: Some(document.expiration),
        })
    }
}
