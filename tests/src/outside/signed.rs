//! Signature Version 4 of AWS, by its documentation: whether a request is signed.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpRequest;
use chrono::{DateTime, NaiveDateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// An access key of somebody with none but that, and its secret.
pub(super) const ACCESS: (&str, &str) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
/// The header of a key's session.
const SESSION: &str = "x-amz-security-token";
/// The region of everything.
const REGION: &str = "eu-central-1";

/// An access key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) session: Option<String>,
    pub(super) expires: Option<DateTime<Utc>>,
}

/// The access keys that services accept: one list, whoever has a copy.
#[derive(Debug, Clone)]
pub struct Keys(Arc<Mutex<Vec<Key>>>);

impl Default for Keys {
    /// One, that has no session and no end.
    fn default() -> Self {
        let (id, secret) = ACCESS;
        let keys = Self::none();
        keys.add(Key {
            id: id.to_owned(),
            secret: secret.to_owned(),
            session: None,
            expires: None,
        });
        keys
    }
}

impl Keys {
    pub(super) fn none() -> Self {
        Self(Arc::default())
    }

    pub(super) fn add(&self, key: Key) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(key);
    }

    pub(super) fn accept(&self, keys: Vec<Key>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn find(&self, id: &str) -> Option<Key> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().find(|key| key.id == id).cloned()
    }
}

pub(super) fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    let value = request.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Whether the request is signed with one of the keys, for that service, these headers among what is signed.
pub(super) fn is_signed(
    request: &HttpRequest,
    body: &[u8],
    service: &str,
    needed: &[&str],
    keys: &Keys,
) -> bool {
    let given = part(header(request, "authorization"), "Signature=");
    given.is_some() && signature(request, body, service, needed, keys).as_deref() == given
}

fn part<'a>(authorization: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = authorization.split_once(name)?;
    rest.split(',').next().map(str::trim)
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn signature(
    request: &HttpRequest,
    body: &[u8],
    service: &str,
    needed: &[&str],
    keys: &Keys,
) -> Option<String> {
    let authorization = header(request, "authorization");
    let credential = part(authorization, "Credential=")?;
    let (access, scope) = credential.split_once('/')?;
    let signed = part(authorization, "SignedHeaders=")?;
    let names: Vec<&str> = signed.split(';').collect();
    let known = keys.find(access)?;
    if needed.iter().any(|name| !names.contains(name)) {
        return None;
    }
    // A key with a session is none without it, and the session is among what is signed.
    if header(request, SESSION) != known.session.as_deref().unwrap_or_default()
        || known.session.is_some() != names.contains(&SESSION)
    {
        return None;
    }
    let headers = names
        .iter()
        .map(|name| format!("{name}:{}\n", header(request, name).trim()));
    let headers = headers.collect::<Vec<_>>().concat();
    let mut query: Vec<&str> = request.query_string().split('&').collect();
    query.sort_unstable();
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{signed}\n{}",
        request.method(),
        request.uri().path(),
        query.join("&"),
        hash(body)
    );
    let date = header(request, "x-amz-date");
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hash(canonical.as_bytes())
    );
    // It is told in the form of ISO 8601 that has no signs.
    let at = NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").ok()?;
    if known.expires.is_some_and(|end| end <= at.and_utc()) {
        return None;
    }
    let mut key = format!("AWS4{}", known.secret).into_bytes();
    let mut parts: Vec<&str> = scope.split('/').collect();
    if parts.get(1..) != Some(&[REGION, service, "aws4_request"]) {
        return None;
    }
    parts.push(&to_sign);
    for part in parts {
        let mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        key = mac.chain_update(part).finalize().into_bytes().to_vec();
    }
    Some(hex::encode(key))
}
