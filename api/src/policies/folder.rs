//! A folder of policies, as `policies/` of the repository is one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use countersign_policies::{Certificate, Engine, PolicyError};

use super::PolicySetError;

/// The order in which the files that are built in are read; others follow by name. It is part of a set's
/// version.
const ORDER: [&str; 8] = [
    "schema.cedarschema",
    "actions.cedarschema",
    "fence.cedar",
    "humans.cedar",
    "sensitive.cedar",
    "household.cedar",
    "administration.cedar",
    "machines.cedar",
];

/// The texts of policies, and of the certificate beside them.
#[derive(Debug)]
pub struct PolicyFolder {
    source: String,
    files: Vec<(PathBuf, String)>,
    certificate: Option<String>,
}

impl PolicyFolder {
    /// Reads a folder: its `.cedar` and `.cedarschema` files, or those of `cedar/` in it, and
    /// `certificate.json`.
    pub fn read(folder: &Path) -> Result<Self, PolicySetError> {
        let below = folder.join("cedar");
        let within = if below.is_dir() { &below } else { folder };
        let unreadable = |path: &Path, source: io::Error| PolicySetError::Unreadable {
            path: path.display().to_string(),
            source,
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(within).map_err(|error| unreadable(within, error))? {
            let path = entry.map_err(|error| unreadable(within, error))?.path();
            if is_policy(&path) && path.is_file() {
                let text = fs::read_to_string(&path);
                let text = text.map_err(|error| unreadable(&path, error))?;
                files.push((path, text));
            }
        }
        let certificate = folder.join("certificate.json");
        let certificate = match fs::read_to_string(&certificate) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(&certificate, error)),
        };
        Ok(Self::of(folder.display().to_string(), files, certificate))
    }

    /// The same of texts that were found elsewhere, as in a revision.
    pub fn of(
        source: String,
        mut files: Vec<(PathBuf, String)>,
        certificate: Option<String>,
    ) -> Self {
        files.retain(|(path, _)| is_policy(path));
        files.sort_by_key(|(path, _)| {
            let name = path.file_name().unwrap_or_default();
            let place = ORDER.iter().position(|known| name == *known);
            (place.unwrap_or(ORDER.len()), name.to_owned())
        });
        Self {
            source,
            files,
            certificate,
        }
    }

    /// An engine that decides by them.
    pub fn engine(&self) -> Result<Engine, PolicySetError> {
        let (schemas, policies) = (self.texts("cedarschema"), self.texts("cedar"));
        if schemas.is_empty() || policies.is_empty() {
            return Err(PolicySetError::Empty(self.source.clone()));
        }
        Ok(Engine::from_texts(&schemas, &policies)?)
    }

    /// The certificate beside them, whatever it is of.
    pub fn certificate(&self) -> Result<Option<Certificate>, PolicyError> {
        self.certificate
            .as_deref()
            .map(Certificate::parse)
            .transpose()
    }

    fn texts(&self, extension: &str) -> Vec<&str> {
        let files = self.files.iter();
        let files = files.filter(|(path, _)| path.extension().is_some_and(|one| one == extension));
        files.map(|(_, text)| text.as_str()).collect()
    }
}

fn is_policy(path: &Path) -> bool {
    let extension = path.extension();
    extension.is_some_and(|one| one == "cedar" || one == "cedarschema")
}
