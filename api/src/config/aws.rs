//! As whom AWS is asked, and whoever speaks its interfaces.

use std::{fmt, path::PathBuf};

use figment::providers::Env;
use secrecy::SecretString;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};
use url::Url;

use super::{
    keys::fixed,
    read,
    validate::{FAR, is_near_to},
};

/// Where ECS gives credentials to tasks, by a path of its own for each.
const ECS: &str = "http://169.254.170.2";
/// The same, where EKS does so by IPv4 and IPv6, and where the metadata of instances is.
const PLATFORM: [&str; 5] = [
    "169.254.170.2",
    "169.254.170.23",
    "fd00:ec2::23",
    "169.254.169.254",
    "fd00:ec2::254",
];

/// The variables by which platforms name credentials, and the keys of the section that they are.
const VARIABLES: [(&str, &str); 4] = [
    (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "container_relative_uri",
    ),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "container_full_uri"),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container_token"),
    (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "container_token_file",
    ),
];

/// Where a section's credentials come from.
#[derive(Debug, Clone, Default)]
pub enum AwsCredentials {
    /// What the machine was given: to the container where the platform names that, else to the instance.
    #[default]
    Machine,
    /// What ECS or EKS gave to the container.
    Container,
    /// What EC2 gave to the instance.
    Instance,
    /// Keys.
    Keys(AwsAccessKeys),
}

/// An access key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsAccessKeys {
    /// Which.
    pub access_key_id: String,
    /// Its secret.
    #[serde(deserialize_with = "read::secret")]
    pub secret_access_key: SecretString,
    /// Its session, where it has one.
    #[serde(default, deserialize_with = "read::optional_secret")]
    pub session_token: Option<SecretString>,
}

impl<'de> Deserialize<'de> for AwsCredentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

/// Reads a word, or keys.
struct Read;

impl<'de> de::Visitor<'de> for Read {
    type Value = AwsCredentials;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"machine\", \"container\", \"instance\", or an access key")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Self::Value, E> {
        match word {
            "machine" => Ok(AwsCredentials::Machine),
            "container" => Ok(AwsCredentials::Container),
            "instance" => Ok(AwsCredentials::Instance),
            // A secret may have been given in the place of a word.
            _ => Err(E::invalid_type(
                de::Unexpected::Other("another word"),
                &self,
            )),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        AwsAccessKeys::deserialize(MapAccessDeserializer::new(map)).map(AwsCredentials::Keys)
    }
}

/// Where the machine's own credentials are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwsMachine {
    /// A path of ECS's own address; it comes first.
    pub container_relative_uri: Option<String>,
    /// A whole address.
    pub container_full_uri: Option<Url>,
    /// What proves there that the container asks.
    #[serde(deserialize_with = "read::optional_secret")]
    pub container_token: Option<SecretString>,
    /// The file that this stands in, read anew at each time; it comes first.
    pub container_token_file: Option<PathBuf>,
    /// Where the metadata of the instance is.
    pub metadata_url: Url,
}

impl Default for AwsMachine {
    fn default() -> Self {
        Self {
            container_relative_uri: None,
            container_full_uri: None,
            container_token: None,
            container_token_file: None,
            metadata_url: fixed("http://169.254.169.254/"),
        }
    }
}

impl AwsMachine {
    /// Whether the platform names credentials of the container.
    pub const fn names_container(&self) -> bool {
        self.container_relative_uri.is_some() || self.container_full_uri.is_some()
    }

    /// Where the container's credentials are.
    pub fn container(&self) -> Option<Url> {
        match &self.container_relative_uri {
            // A path begins with `/`, so that it stays at that host.
            Some(path) if path.starts_with('/') => Url::parse(&format!("{ECS}{path}")).ok(),
            Some(_) => None,
            None => self.container_full_uri.clone(),
        }
    }

    /// What is wrong: the key, and how.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.container_relative_uri.is_some() && self.container().is_none() {
            return Some((
                "aws.container_relative_uri",
                "(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) is no path that begins with `/`",
            ));
        }
        if !self.container_full_uri.iter().all(is_near) {
            return Some(("aws.container_full_uri", FAR));
        }
        if !is_near(&self.metadata_url) {
            return Some(("aws.metadata_url", FAR));
        }
        None
    }
}

fn is_near(url: &Url) -> bool {
    is_near_to(&PLATFORM, url)
}

/// What the platform says by AWS's variables, as the section `aws`.
pub(super) fn platform() -> Value {
    let names = VARIABLES.map(|(variable, _)| variable);
    let given = Env::raw().only(&names);
    section(given.iter().map(|(name, value)| (name.to_string(), value)))
}

/// The variable that a key of the section `aws` comes from, where the platform names it.
pub(super) fn variable(path: &str) -> Option<&'static str> {
    let named = VARIABLES.iter();
    let mut named = named.filter(|(_, key)| path.strip_prefix("aws.") == Some(key));
    named.next().map(|(variable, _)| *variable)
}

fn section(given: impl Iterator<Item = (String, String)>) -> Value {
    let mut aws = Map::new();
    for (name, value) in given {
        let key = VARIABLES
            .iter()
            .find(|(variable, _)| variable.eq_ignore_ascii_case(&name));
        if let Some((_, key)) = key
            && !value.is_empty()
        {
            aws.insert((*key).to_owned(), value.into());
        }
    }
    if aws.is_empty() {
        return Value::Object(aws);
    }
    serde_json::json!({ "aws": aws })
}

#[cfg(test)]
mod tests;
