//! Signature Version 4 of AWS, by its documentation: whether a request is signed.

use actix_web::HttpRequest;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// An access key, and its secret.
pub(super) const ACCESS: (&str, &str) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
/// The region of everything.
const REGION: &str = "eu-central-1";

pub(super) fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    let value = request.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Whether the request is signed with the key, for that service, these headers among what is signed.
pub(super) fn is_signed(
    request: &HttpRequest,
    body: &[u8],
    service: &str,
    needed: &[&str],
) -> bool {
    let given = part(header(request, "authorization"), "Signature=");
    given.is_some() && signature(request, body, service, needed).as_deref() == given
}

fn part<'a>(authorization: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = authorization.split_once(name)?;
    rest.split(',').next().map(str::trim)
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn signature(request: &HttpRequest, body: &[u8], service: &str, needed: &[&str]) -> Option<String> {
    let authorization = header(request, "authorization");
    let credential = part(authorization, "Credential=")?;
    let (access, scope) = credential.split_once('/')?;
    let signed = part(authorization, "SignedHeaders=")?;
    let names: Vec<&str> = signed.split(';').collect();
    if access != ACCESS.0 || needed.iter().any(|name| !names.contains(name)) {
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
    let mut key = format!("AWS4{}", ACCESS.1).into_bytes();
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
