//! From files and variables to values.

use std::{
    fs,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{Config, ConfigError, aws};

/// How the fault of a secret's file begins. Other texts of serde may quote a value.
const FILE_FAULT: &str = "names a file that can not be read";
/// How faults begin whose words are this program's own, and quote no secret.
const OWN: [&str; 5] = [
    FILE_FAULT,
    "is no network:",
    "is a secret key,",
    "is no public key",
    "is no day,",
];

impl Config {
    /// Reads a file, overlaid by the environment; without a file, `countersign.toml` where there is
    /// one, and else the environment alone.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(file) = file.filter(|file| !file.exists()) {
            let shown = file.display();
            return Err(ConfigError::Read(format!("there is no file `{shown}`")));
        }
        let file = file.unwrap_or(Path::new("countersign.toml"));
        let figment = if file.exists() {
            Figment::new().merge(Toml::file_exact(file))
        } else {
            Figment::new()
        };
        let platform = Serialized::defaults(aws::platform());
        Self::extract(figment.merge(platform).merge(environment()))
    }

    /// Reads TOML text alone.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::extract(Figment::new().merge(Toml::string(text)))
    }

    fn extract(figment: Figment) -> Result<Self, ConfigError> {
        // Nothing is filled in here but what serde's own defaults say.
        let figment = figment.join(Serialized::globals(serde_json::json!({})));
        let config: Self = figment.extract().map_err(|errors| {
            let all: Vec<String> = errors.into_iter().map(|error| describe(&error)).collect();
            ConfigError::Read(all.join("; "))
        })?;
        config.validate()?;
        Ok(config)
    }
}

/// A secret, or the file that it stands in.
#[derive(Deserialize)]
#[serde(untagged)]
enum Secret {
    Text(SecretString),
    File(SecretFile),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretFile {
    file: PathBuf,
}

/// Reads a secret. Of a file's text the line's end is taken off, which editors put there.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    match Secret::deserialize(deserializer)? {
        Secret::Text(text) => Ok(text),
        Secret::File(SecretFile { file }) => match fs::read_to_string(&file) {
            Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).into()),
            Err(error) => Err(D::Error::custom(format!(
                "{FILE_FAULT}: `{}`: {error}",
                file.display()
            ))),
        },
    }
}

/// Reads a secret that is there.
pub(super) fn optional_secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    secret(deserializer).map(Some)
}

/// Reads secrets, each of which may stand in a file.
pub(super) fn secrets<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<SecretString>, D::Error> {
    let each = Vec::<OneSecret>::deserialize(deserializer)?;
    Ok(each.into_iter().map(|one| one.0).collect())
}

#[derive(Deserialize)]
struct OneSecret(#[serde(deserialize_with = "secret")] SecretString);

fn environment() -> Env {
    Env::prefixed("COUNTERSIGN__").split("__")
}

/// The key, the fault and the source of an error, without the value: it may be a secret.
fn describe(error: &figment::Error) -> String {
    use figment::error::Kind;
    let path = error.path.join(".");
    let fault = match &error.kind {
        Kind::MissingField(field) => {
            let prefix = if path.is_empty() {
                String::new()
            } else {
                format!("{path}.")
            };
            return format!("`{prefix}{field}` is missing");
        }
        Kind::UnknownField(field, known) => {
            return format!("`{path}` has no key `{field}`: it has {}", known.join(", "));
        }
        Kind::InvalidType(_, expected) => format!("is not {expected}"),
        Kind::Message(text) if OWN.iter().any(|own| text.starts_with(own)) => text.clone(),
        Kind::Message(_) | Kind::InvalidValue(..) => "is not of the form that is wanted".to_owned(),
        _ => error.kind.to_string(),
    };
    let source = error.metadata.as_ref().map(|metadata| {
        let place = metadata.source.as_ref().map(ToString::to_string);
        format!(" (from {} {})", metadata.name, place.unwrap_or_default()).replace(" )", ")")
    });
    if path.is_empty() {
        // The parser's own words show the line, and a secret may stand in it: its place must do.
        let text = error.kind.to_string();
        let place = text
            .lines()
            .find_map(|line| line.split(" at ").nth(1).map(str::to_owned));
        let place = place
            .map(|place| format!(" at {place}"))
            .unwrap_or_default();
        return format!("it is not TOML{place}{}", source.unwrap_or_default());
    }
    format!("`{path}` {fault}{}", source.unwrap_or_default())
}
