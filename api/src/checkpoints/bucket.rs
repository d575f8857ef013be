//! Checkpoints in a bucket of an object store that speaks S3, each an object that is written once.
//!
//! There is no library in between: what those at hand offer leaves out either the lock on objects or the
//! condition on writing, and three kinds of requests are all that is needed.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{SecondsFormat, TimeDelta};
use countersign_domain::id::TenantId;
use countersign_entities::{Clock, SignedCheckpoint};
use futures::{StreamExt, TryStreamExt, stream};
use quick_xml::de::from_str;
use reqwest::{Client, Method, redirect};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

use super::CheckpointError;
use crate::{
    aws::{Identity, Interface, Machine, Signer},
    config::Bucket as Settings,
};

/// How long the store has for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a request is sent, should the store be away or ask to be asked later.
const TRIES: u32 = 3;
/// How long the second try waits; each later one twice as long.
const PAUSE: Duration = Duration::from_millis(200);
/// How many objects are read at once.
const READ_AT_ONCE: usize = 8;
/// The most bytes of an answer.
const BYTES_MAX: usize = 4 << 20;
/// The most characters of the store's words that are told to the operator.
const WORDS_MAX: usize = 200;

/// A bucket, and as whom it is written.
#[derive(Debug, Clone)]
pub struct CheckpointBucket {
    http: Client,
    /// The address of the bucket.
    address: Url,
    prefix: String,
    lock_days: Option<u32>,
    signer: Signer,
    clock: Arc<dyn Clock>,
}

/// What the store answered.
struct Answer {
    status: u16,
    body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fault {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    contents: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    key: String,
}

impl CheckpointBucket {
    /// The bucket that the settings name, for whoever is that machine.
    pub fn new(
        settings: &Settings,
        machine: &Machine,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CheckpointError> {
        let unusable = |fault: String| CheckpointError::Bucket(fault);
        let region = &settings.region;
        let mut address = match &settings.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Url::parse(&format!("https://s3.{region}.amazonaws.com/"))
                .map_err(|_| unusable("`region` makes no address".to_owned()))?,
        };
        if settings.path_style {
            address = address
                .join(&format!("{}/", settings.name))
                .map_err(|_| unusable("`name` makes no address".to_owned()))?;
        } else {
            let host = address.host_str().unwrap_or_default();
            let host = format!("{}.{host}", settings.name);
            address
                .set_host(Some(&host))
                .map_err(|_| unusable("`name` makes no name of a host".to_owned()))?;
        }
        let http = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            http,
            address,
            prefix: settings.prefix.clone(),
            lock_days: settings.lock_days,
            signer: Signer {
                interface: Interface::S3,
                region: region.clone(),
                identity: Identity::new(&settings.credentials, machine),
                clock: Arc::clone(&clock),
            },
            clock,
        })
    }

    /// The newest note that was published of a tenant's chain. What is newer than `kept` is looked for first.
    pub(super) async fn newest(
        &self,
        tenant: TenantId,
        kept: Option<u64>,
    ) -> Result<Option<String>, CheckpointError> {
        let kept = kept.map(|size| self.name_of(tenant, size));
        if let Some(newer) = self.last_after(tenant, kept.clone()).await? {
            return self.read(&newer).await;
        }
        let Some(kept) = kept else { return Ok(None) };
        if let Some(note) = self.read(&kept).await? {
            return Ok(Some(note));
        }
        match self.last_after(tenant, None).await? {
            Some(older) => self.read(&older).await,
            None => Ok(None),
        }
    }

    /// The public key that was published as the tenant's.
    pub(super) async fn key(&self, tenant: TenantId) -> Result<Option<String>, CheckpointError> {
        self.read(&self.name_of_key(tenant)).await
    }

    /// The notes of more than `after` rows, in the order of their sizes: as many as the store lists at a
    /// time. None where there are no more.
    pub(super) async fn page(
        &self,
        tenant: TenantId,
        after: u64,
    ) -> Result<Vec<(u64, String)>, CheckpointError> {
        let after = self.name_of(tenant, after);
        let (names, _) = self.list(tenant, Some(&after)).await?;
        let notes = names.into_iter().map(async |name| {
            let unusable = |what| CheckpointError::Bucket(format!("`{name}` {what}"));
            let size = name.rsplit('/').next().and_then(|size| size.parse().ok());
            let size = size.ok_or_else(|| unusable("is not called as a checkpoint is"))?;
            let note = self.read(&name).await?;
            let note = note.ok_or_else(|| unusable("is listed, and not there"))?;
            Ok((size, note))
        });
        stream::iter(notes)
            .buffered(READ_AT_ONCE)
            .try_collect()
            .await
    }

    async fn last_after(
        &self,
        tenant: TenantId,
        mut after: Option<String>,
    ) -> Result<Option<String>, CheckpointError> {
        let mut found = None;
        loop {
            let (names, is_truncated) = self.list(tenant, after.as_deref()).await?;
            found = names.into_iter().next_back().or(found);
            if !is_truncated || found == after {
                return Ok(found);
            }
            after.clone_from(&found);
        }
    }

    /// Writes what was not written yet, and nothing else. What is there already must be the same.
    pub(super) async fn publish(
        &self,
        tenant: TenantId,
        key: &str,
        made: &SignedCheckpoint,
    ) -> Result<(), CheckpointError> {
        if !self
            .write_once(&self.name_of_key(tenant), &format!("{key}\n"))
            .await?
        {
            return Err(CheckpointError::OtherKey);
        }
        let name = self.name_of(tenant, made.size);
        if self.write_once(&name, &made.note).await? {
            return Ok(());
        }
        Err(CheckpointError::Contradicted { size: made.size })
    }

    fn name_of_key(&self, tenant: TenantId) -> String {
        format!("{}{tenant}/key", self.prefix)
    }

    /// Of one width, so that their order is that of their names.
    fn name_of(&self, tenant: TenantId, size: u64) -> String {
        format!("{}{tenant}/size/{size:020}", self.prefix)
    }

    /// Whether the object is there with that content from here on.
    async fn write_once(&self, name: &str, content: &str) -> Result<bool, CheckpointError> {
        let checksum = STANDARD.encode(Sha256::digest(content));
        let until = self.lock_days.map(|days| {
            let until = self.clock.now() + TimeDelta::days(i64::from(days));
            until.to_rfc3339_opts(SecondsFormat::Secs, true)
        });
        let mut headers = vec![
            ("content-type", "text/plain; charset=utf-8"),
            ("if-none-match", "*"),
            ("x-amz-checksum-sha256", &checksum),
        ];
        if let Some(until) = &until {
            headers.push(("x-amz-object-lock-mode", "COMPLIANCE"));
            headers.push(("x-amz-object-lock-retain-until-date", until));
        }
        let address = self.at(name)?;
        let answer = self.send(Method::PUT, address, &headers, content).await?;
        match answer.status {
            200..=299 => Ok(true),
            412 => Ok(self.read(name).await?.as_deref() == Some(content)),
            _ => Err(answer.fault()),
        }
    }

    async fn read(&self, name: &str) -> Result<Option<String>, CheckpointError> {
        let answer = self.send(Method::GET, self.at(name)?, &[], "").await?;
        match answer.status {
            200..=299 => Ok(Some(answer.body)),
            404 => Ok(None),
            _ => Err(answer.fault()),
        }
    }

    /// The names of a tenant's checkpoints after `after`, in their order, and whether there are more.
    async fn list(
        &self,
        tenant: TenantId,
        after: Option<&str>,
    ) -> Result<(Vec<String>, bool), CheckpointError> {
        let address = self.list_of(tenant, after);
        let answer = self.send(Method::GET, address, &[], "").await?;
        if !(200..=299).contains(&answer.status) {
            return Err(answer.fault());
        }
        let listing: Listing = from_str(&answer.body).map_err(|_| {
            CheckpointError::Bucket("its list is not of the form that is known".to_owned())
        })?;
        let names = listing.contents.into_iter().map(|listed| listed.key);
        Ok((names.collect(), listing.is_truncated))
    }

    fn list_of(&self, tenant: TenantId, after: Option<&str>) -> Url {
        let mut address = self.address.clone();
        let mut query = address.query_pairs_mut();
        query.append_pair("list-type", "2");
        query.append_pair("prefix", &format!("{}{tenant}/size/", self.prefix));
        if let Some(after) = after {
            query.append_pair("start-after", after);
        }
        drop(query);
        address
    }

    fn at(&self, name: &str) -> Result<Url, CheckpointError> {
        let address = self.address.join(name);
        address.map_err(|_| CheckpointError::Bucket("`prefix` makes no address".to_owned()))
    }

    /// Sends until it is answered, a few times at the most.
    async fn send(
        &self,
        method: Method,
        address: Url,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, CheckpointError> {
        let mut pause = PAUSE;
        let mut tries = 1;
        loop {
            let answered = self.send_once(&method, &address, headers, body).await;
            let may_pass = match &answered {
                // 409: somebody else writes the same object at this moment.
                Ok(answer) => matches!(answer.status, 409 | 429 | 500..=599),
                Err(_) => true,
            };
            if !may_pass || tries == TRIES {
                return answered;
            }
            tokio::time::sleep(pause).await;
            (tries, pause) = (tries + 1, pause * 2);
        }
    }

    async fn send_once(
        &self,
        method: &Method,
        address: &Url,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, CheckpointError> {
        let access = self.signer.identity.access().await;
        let access = access.map_err(|error| CheckpointError::Bucket(error.to_string()))?;
        let signed = self
            .signer
            .sign(&access, method.as_str(), address, headers, body.as_bytes())
            .map_err(CheckpointError::Bucket)?;
        let mut request = self.http.request(method.clone(), address.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in &signed {
            request = request.header(name, value);
        }
        let unreachable =
            |error: reqwest::Error| CheckpointError::Bucket(error.without_url().to_string());
        let response = request.body(body.to_owned()).send().await;
        let mut response = response.map_err(unreachable)?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > BYTES_MAX {
                let cause = "its answer is longer than any that is known";
                return Err(CheckpointError::Bucket(cause.to_owned()));
            }
        }
        let body = String::from_utf8_lossy(&bytes).into_owned();
        let answer = Answer { status, body };
        if answer.refuses() {
            self.signer.identity.doubt(&access).await;
        }
        Ok(answer)
    }
}

impl Answer {
    /// Whether who asked is refused.
    fn refuses(&self) -> bool {
        let is_ended =
            || from_str::<Fault>(&self.body).is_ok_and(|fault| fault.code == "ExpiredToken");
        matches!(self.status, 401 | 403) || (self.status == 400 && is_ended())
    }

    /// What the store says of it, for the operator.
    fn fault(&self) -> CheckpointError {
        let said = from_str::<Fault>(&self.body).map(|fault| {
            let message: String = fault.message.chars().take(WORDS_MAX).collect();
            format!(", {}: {message}", fault.code)
        });
        let status = self.status;
        CheckpointError::Bucket(format!("{status}{}", said.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests;
