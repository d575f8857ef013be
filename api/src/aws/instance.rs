//! Credentials of instances of EC2, by the second version of its metadata service: a session is opened by a
//! request that no page and no proxy makes by mistake, and everything else is asked within it. The first
//! version, which gives them to whoever has a server fetch an address, is never spoken.

use reqwest::{
    Client,
    header::{CONTENT_LENGTH, HeaderName, HeaderValue},
};
use serde::Deserialize;
use url::Url;

use super::{Access, CredentialError, Given};

const GIVEN: Given = Given::Instance;

/// How long the session may live, in seconds: as long as asking takes.
const SESSION_SECONDS: &str = "60";
const SESSION_TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const SESSION: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");

/// Where the credentials of the instance's role are.
const ROLES: &str = "latest/meta-data/iam/security-credentials/";

/// Whether the role could be assumed.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    code: String,
    #[serde(default)]
    message: String,
}

/// Asks for them.
pub(super) async fn fetch(http: &Client, service: &Url) -> Result<Access, CredentialError> {
    let session = session(http, service).await?;
    let roles = at(service, ROLES)?;
    let role = read(http, &roles, &session).await?;
    let role = role.lines().next().unwrap_or_default().trim();
    if role.is_empty() {
        return Err(CredentialError::NoRole);
    }
    let mut address = roles;
    if let Ok(mut path) = address.path_segments_mut() {
        path.pop_if_empty().push(role);
    }
    let answer = GIVEN
        .ask(http.get(address).header(SESSION, &session))
        .await?;
    if !answer.is_good() {
        return Err(refused(answer.status));
    }
    let status: Option<Status> = answer.json();
    let status =
        status.ok_or_else(|| GIVEN.garbled("it does not say whether the role was assumed"))?;
    if status.code == "Success" {
        answer.access(GIVEN)
    } else {
        Err(GIVEN.refused(&status.code, &status.message))
    }
}

async fn session(http: &Client, service: &Url) -> Result<HeaderValue, CredentialError> {
    let address = at(service, "latest/api/token")?;
    let request = http.put(address).header(SESSION_TTL, SESSION_SECONDS);
    // With no body a length is not said, which some that stand in between want.
    let answer = GIVEN.ask(request.header(CONTENT_LENGTH, "0")).await?;
    if !answer.is_good() {
        return Err(refused(answer.status));
    }
    let mut session = HeaderValue::from_bytes(&answer.body)
        .map_err(|_| GIVEN.garbled("its session has characters that no header has"))?;
    session.set_sensitive(true);
    Ok(session)
}

/// The names of roles; there is one, or none.
async fn read(
    http: &Client,
    address: &Url,
    session: &HeaderValue,
) -> Result<String, CredentialError> {
    let answer = GIVEN
        .ask(http.get(address.clone()).header(SESSION, session))
        .await?;
    match answer.status {
        404 => Err(CredentialError::NoRole),
        _ if answer.is_good() => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
        status => Err(refused(status)),
    }
}

fn at(service: &Url, path: &str) -> Result<Url, CredentialError> {
    let address = service.join(path);
    address.map_err(|_| GIVEN.garbled("`aws.metadata_url` makes no address"))
}

/// 403 says that the metadata is switched off, 401 that a session is none.
fn refused(status: u16) -> CredentialError {
    match status {
        403 => GIVEN.refused("403", "switch the instance's metadata on, or give keys"),
        status => GIVEN.refused(&status.to_string(), ""),
    }
}
