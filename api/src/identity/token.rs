//! What each kind of the provider's tokens must say, checked against a time that is an argument.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use countersign_domain::access::Scope;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, errors::ErrorKind};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Seconds by which the clocks of provider and product may differ.
const LEEWAY_SECONDS: i64 = 60;
/// The longest token that is looked at.
const BYTES_MAX: usize = 8_192;
/// What a logout token's `events` must have (Back-Channel Logout 1.0, section 2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Authentication methods (RFC 8176, section 2) that show something known, held or inherent.
const KNOWN: &[&str] = &["pwd", "pin", "kba"];
const HELD: &[&str] = &["otp", "hwk", "swk", "sc", "sms", "tel"];
const INHERENT: &[&str] = &["face", "fpt", "iris", "retina", "vbm"];
/// Authentication contexts that mean several factors: the registered `phr` and `phrh` (OpenID
/// Connect Extended Authentication Profile), and the profiles of PAPE and REFEDS.
const CLASSES: &[&str] = &[
    "phr",
    "phrh",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
    "https://refeds.org/profile/mfa",
];

/// One value or several, as `aud` has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// The claims that are looked at, of any kind of token.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
    #[serde(skip)]
    typ: Option<String>,
    iss: Option<String>,
    pub(super) sub: Option<String>,
    aud: Option<OneOrMany>,
    exp: Option<i64>,
    nbf: Option<i64>,
    iat: Option<i64>,
    azp: Option<String>,
    nonce: Option<String>,
    at_hash: Option<String>,
    pub(super) sid: Option<String>,
    jti: Option<String>,
    amr: Option<Vec<String>>,
    acr: Option<String>,
    events: Option<serde_json::Map<String, serde_json::Value>>,
    client_id: Option<String>,
    scope: Option<String>,
    pub(super) email: Option<String>,
    pub(super) email_verified: Option<bool>,
    pub(super) name: Option<String>,
}

impl Claims {
    /// Whether more than one factor was given, by the provider's word: `amr` (RFC 8176), or an
    /// `acr` that is known to mean it.
    pub(super) fn has_second_factor(&self) -> bool {
        let methods = self.amr.as_deref().unwrap_or_default();
        let says = |names: &[&str]| methods.iter().any(|m| names.contains(&m.as_str()));
        // Two methods of one kind, a password and a PIN, are one factor.
        let kinds = [KNOWN, HELD, INHERENT].into_iter().filter(|k| says(k));
        let by_class = self.acr.as_deref().is_some_and(|c| CLASSES.contains(&c));
        says(&["mfa", "otp", "hwk"]) || kinds.count() > 1 || by_class
    }

    /// The header's `typ`, without the prefix that it may have (RFC 7515, section 4.1.9).
    fn kind(&self) -> Option<String> {
        let typ = self.typ.as_deref()?.to_ascii_lowercase();
        let short = typ.strip_prefix("application/").map(str::to_owned);
        Some(short.unwrap_or(typ))
    }

    /// Whether a header says that this is a token of that kind, or nothing of its kind. Then the
    /// claims must tell (RFC 8725, section 3.11).
    fn may_be(&self, kind: &str) -> bool {
        self.kind().is_none_or(|own| own == "jwt" || own == kind)
    }
}

/// The header of a token whose algorithm is one of ours: never `none`, never a shared secret.
pub(super) fn header(jwt: &str) -> Result<Header, String> {
    if jwt.len() > BYTES_MAX {
        return Err("the token is too long".to_owned());
    }
    let header = jsonwebtoken::decode_header(jwt).map_err(|error| cause(&error).to_owned())?;
    match header.alg {
        Algorithm::RS256 | Algorithm::ES256 => Ok(header),
        other => Err(format!("algorithm {other:?} is not allowed")),
    }
}

/// What is wrong with a token, in words of ours: the library's quote what stands in it.
fn cause(error: &jsonwebtoken::errors::Error) -> &'static str {
    match error.kind() {
        ErrorKind::InvalidToken => "it is no JWT",
        ErrorKind::InvalidSignature => "its signature does not verify",
        ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidAlgorithmName
        | ErrorKind::UnsupportedAlgorithm
        | ErrorKind::MissingAlgorithm => "its algorithm is not allowed for its key",
        ErrorKind::InvalidKeyFormat
        | ErrorKind::InvalidEcdsaKey
        | ErrorKind::InvalidEddsaKey
        | ErrorKind::InvalidRsaKey(_) => "its key can not be used",
        ErrorKind::Base64(_) => "a part of it is not base64url",
        ErrorKind::Json(_) | ErrorKind::InvalidClaimFormat(_) => {
            "its header or its claims are not of the form that is wanted"
        }
        ErrorKind::Utf8(_) => "a part of it is not UTF-8",
        _ => "it does not verify",
    }
}

/// The claims of a token that was signed with `key`.
pub(super) fn claims(jwt: &str, header: &Header, key: &DecodingKey) -> Result<Claims, String> {
    let mut validation = Validation::new(header.alg);
    // Times and audiences are checked below, against a time that is an argument.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<Claims>(jwt, key, &validation);
    let decoded = decoded.map_err(|error| cause(&error).to_owned())?;
    let mut claims = decoded.claims;
    claims.typ.clone_from(&header.typ);
    Ok(claims)
}

/// What every token must say.
fn common(claims: &Claims, issuer: &str, audience: &str, at: DateTime<Utc>) -> Result<(), String> {
    let now = at.timestamp();
    if claims.iss.as_deref() != Some(issuer) {
        return Err("another issuer".to_owned());
    }
    let audiences = claims.aud.as_ref().map(OneOrMany::all).unwrap_or_default();
    if !audiences.iter().any(|one| one == audience) {
        return Err("another audience".to_owned());
    }
    match claims.exp {
        Some(exp) if now < exp.saturating_add(LEEWAY_SECONDS) => {}
        Some(_) => return Err("it has expired".to_owned()),
        None => return Err("it does not expire".to_owned()),
    }
    match claims.iat {
        Some(iat) if iat <= now.saturating_add(LEEWAY_SECONDS) => {}
        Some(_) => return Err("it was issued in the future".to_owned()),
        None => return Err("it does not say when it was issued".to_owned()),
    }
    if claims
        .nbf
        .is_some_and(|nbf| nbf > now.saturating_add(LEEWAY_SECONDS))
    {
        return Err("it is not valid yet".to_owned());
    }
    Ok(())
}

/// An ID token (OpenID Connect Core 1.0, section 3.1.3.7). `nonce` is that of the sign-in; a
/// refreshed token need not repeat it.
pub(super) fn id(
    claims: &Claims,
    issuer: &str,
    client_id: &str,
    nonce: Option<&str>,
    access_token: &str,
    at: DateTime<Utc>,
) -> Result<(), String> {
    if !claims.may_be("jwt") {
        return Err("it is no ID token".to_owned());
    }
    common(claims, issuer, client_id, at)?;
    if claims.sub.as_deref().is_none_or(str::is_empty) {
        return Err("it names no subject".to_owned());
    }
    let several = claims.aud.as_ref().is_some_and(|aud| aud.all().len() > 1);
    if several && claims.azp.is_none() {
        return Err("several audiences and no authorized party".to_owned());
    }
    if claims.azp.as_deref().is_some_and(|azp| azp != client_id) {
        return Err("another authorized party".to_owned());
    }
    if let Some(expected) = nonce {
        let found = claims.nonce.as_deref().unwrap_or_default();
        if !bool::from(expected.as_bytes().ct_eq(found.as_bytes())) {
            return Err("another nonce".to_owned());
        }
    }
    if let Some(at_hash) = &claims.at_hash
        && *at_hash != half_hash(access_token)
    {
        return Err("another access token".to_owned());
    }
    if claims.events.is_some() {
        return Err("it is a logout token".to_owned());
    }
    Ok(())
}

/// A logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6). Returns the instant after
/// which a session opened can not be meant, however often the token is heard.
pub(super) fn logout(
    claims: &Claims,
    issuer: &str,
    client_id: &str,
    at: DateTime<Utc>,
) -> Result<DateTime<Utc>, String> {
    common(claims, issuer, client_id, at)?;
    let is_logout = claims
        .events
        .as_ref()
        .is_some_and(|events| events.contains_key(LOGOUT_EVENT));
    if !is_logout || !claims.may_be("logout+jwt") {
        return Err("it is no logout token".to_owned());
    }
    if claims.nonce.is_some() {
        return Err("a logout token has no nonce".to_owned());
    }
    if claims.sid.is_none() && claims.sub.is_none() {
        return Err("it names nobody".to_owned());
    }
    if claims.jti.is_none() {
        return Err("it has no id".to_owned());
    }
    let issued = claims.iat.unwrap_or_default();
    DateTime::from_timestamp(issued.saturating_add(LEEWAY_SECONDS), 0)
        .ok_or_else(|| "it was issued out of time".to_owned())
}

/// What a machine's access token says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MachineToken {
    pub(super) client_id: String,
    pub(super) scopes: BTreeSet<Scope>,
    /// When it is not taken any more.
    pub(super) ends_at: DateTime<Utc>,
}

/// A machine's access token (RFC 9068).
pub(super) fn machine(
    claims: &Claims,
    issuer: &str,
    audience: &str,
    at: DateTime<Utc>,
) -> Result<MachineToken, String> {
    if claims.kind().as_deref() != Some("at+jwt") {
        return Err("it is no access token".to_owned());
    }
    common(claims, issuer, audience, at)?;
    let named = claims.client_id.clone().filter(|id| !id.is_empty());
    let client_id = named.ok_or("it names no client")?;
    // A person's token has the person as its subject. Machines and humans are different lanes.
    if claims.sub.as_deref() != Some(client_id.as_str()) {
        return Err("it is a person's token".to_owned());
    }
    let scopes = claims.scope.as_deref().unwrap_or_default();
    // Scopes of others may be in it; they mean nothing here.
    let scopes = scopes
        .split_whitespace()
        .filter_map(|scope| scope.parse().ok())
        .collect();
    let ends_at = claims.exp.unwrap_or_default();
    let ends_at = DateTime::from_timestamp(ends_at.saturating_add(LEEWAY_SECONDS), 0);
    Ok(MachineToken {
        client_id,
        scopes,
        ends_at: ends_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
    })
}

/// The left half of the token's SHA-256 (OpenID Connect Core 1.0, section 3.1.3.6).
fn half_hash(token: &str) -> String {
    let hash = Sha256::digest(token.as_bytes());
    let half: Vec<u8> = hash.iter().take(16).copied().collect();
    URL_SAFE_NO_PAD.encode(half)
}

#[cfg(test)]
pub(super) mod tests;
