//! From files and variables to values.

mod faults;

use std::{
    fmt, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use secrecy::SecretString;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use self::faults::{FILE_FAULT, Origin, SECRET, describe, place_of};
use super::{Config, ConfigError, aws};

#[cfg(test)]
pub(super) use self::faults::examples;

/// What the variables of the configuration begin with.
const PREFIX: &str = "COUNTERSIGN__";

impl Config {
    /// Reads a file, overlaid by the environment; without a file, `countersign.toml` where there is
    /// one, and else the environment alone.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let own = Path::new("countersign.toml");
        let file = file.or_else(|| own.exists().then_some(own));
        let mut figment = Figment::new();
        if let Some(file) = file {
            legible(file)?;
            figment = figment.merge(Toml::file_exact(file));
        }
        let platform = Serialized::defaults(aws::platform());
        let origin = file.map_or(Origin::Environment, Origin::File);
        Self::extract(figment.merge(platform).merge(environment()), origin)
    }

    /// Reads TOML text alone.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::extract(Figment::new().merge(Toml::string(text)), Origin::Text)
    }

    fn extract(figment: Figment, origin: Origin<'_>) -> Result<Self, ConfigError> {
        // Nothing is filled in here but what serde's own defaults say.
        let figment = figment.join(Serialized::globals(serde_json::json!({})));
        let config: Self = figment.extract().map_err(|errors| {
            let all = errors.into_iter();
            let all: Vec<String> = all.map(|error| describe(&error, origin)).collect();
            ConfigError::Read(all.join("; "))
        })?;
        config.validate().map_err(|error| placed(error, &figment))?;
        Ok(config)
    }
}

/// What can not be read is not taken for what is no TOML.
fn legible(file: &Path) -> Result<(), ConfigError> {
    let shown = file.display();
    fs::read_to_string(file).map(drop).map_err(|error| {
        ConfigError::Read(match error.kind() {
            ErrorKind::NotFound => format!("there is no file `{shown}`"),
            ErrorKind::InvalidData => format!("`{shown}` is not text"),
            _ => format!("`{shown}` can not be read: {error}"),
        })
    })
}

/// The same fault, with the place of the value that is at fault.
fn placed(error: ConfigError, figment: &Figment) -> ConfigError {
    match error {
        ConfigError::Value { key, fault } => {
            let place = place_of(figment, key).map(|place| format!(" ({place})"));
            let fault = fault + &place.unwrap_or_default();
            ConfigError::Value { key, fault }
        }
        read @ ConfigError::Read(_) => read,
    }
}

/// A secret, and the file that it was read from, where it stands in one: another may be written into it.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    /// The secret, as it was read.
    pub text: SecretString,
    /// The file.
    pub file: Option<PathBuf>,
}

impl<'de> Deserialize<'de> for StoredSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Secret)
    }
}

/// The secret that stands in a file's text: without the line's end, which editors put there.
pub(crate) fn secret_in(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}

/// Reads a secret: text, or the file that it stands in.
struct Secret;

impl<'de> Visitor<'de> for Secret {
    type Value = StoredSecret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SECRET)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<StoredSecret, E> {
        let (text, file) = (text.into(), None);
        Ok(StoredSecret { text, file })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StoredSecret, A::Error> {
        let SecretFile { file } = SecretFile::deserialize(MapAccessDeserializer::new(map))?;
        match fs::read_to_string(&file) {
            Ok(text) => Ok(StoredSecret {
                text: secret_in(&text).into(),
                file: Some(file),
            }),
            Err(error) => Err(de::Error::custom(format!(
                "{FILE_FAULT}: `{}`: {error}",
                file.display()
            ))),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretFile {
    file: PathBuf,
}

/// Reads a secret.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    StoredSecret::deserialize(deserializer).map(|secret| secret.text)
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
    Env::prefixed(PREFIX).split("__")
}
