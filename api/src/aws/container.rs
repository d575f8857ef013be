//! Credentials of containers: what ECS gives to tasks and EKS to pods, at an address that the platform names.

use std::path::Path;

use reqwest::{
    Client,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::fs;

use super::{Access, CredentialError, Given};
use crate::config::AwsMachine;

const GIVEN: Given = Given::Container;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Failure {
    code: String,
    message: String,
}

/// Asks for them.
pub(super) async fn fetch(http: &Client, settings: &AwsMachine) -> Result<Access, CredentialError> {
    let address = settings.container().ok_or(CredentialError::NoContainer)?;
    let mut request = http.get(address).header("accept", "application/json");
    if let Some(token) = token(settings).await? {
        request = request.header(AUTHORIZATION, header(&token)?);
    }
    let answer = GIVEN.ask(request).await?;
    if answer.is_good() {
        return answer.access(GIVEN);
    }
    let said: Failure = answer.json().unwrap_or_default();
    let code = format!("{} {}", answer.status, said.code);
    Err(GIVEN.refused(code.trim(), &said.message))
}

/// What proves to it that the container asks. Read anew at each time: the platform writes another into the file.
async fn token(settings: &AwsMachine) -> Result<Option<SecretString>, CredentialError> {
    let Some(file) = &settings.container_token_file else {
        return Ok(settings.container_token.clone());
    };
    read(file).await.map(Some)
}

async fn read(file: &Path) -> Result<SecretString, CredentialError> {
    let text = fs::read_to_string(file).await.map_err(|error| {
        let shown = file.display();
        CredentialError::Token(format!("its file `{shown}` can not be read: {error}"))
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

fn header(token: &SecretString) -> Result<HeaderValue, CredentialError> {
    let mut value = HeaderValue::from_str(token.expose_secret()).map_err(|_| {
        CredentialError::Token(
            "it has characters that no header has, such as a line's end".to_owned(),
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}
