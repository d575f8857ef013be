//! Certificates for servers on this machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use rcgen::CertifiedKey;

/// A certificate for `localhost`, with its key, in files that go with the test.
#[derive(Debug)]
pub struct Pair {
    folder: PathBuf,
    /// The certificate in PEM, which is its own authority.
    pub pem: String,
}

impl Pair {
    /// Makes one; `name` is of one test alone.
    pub fn make(name: &str) -> Self {
        let folder = format!("countersign-tls-{}-{name}", std::process::id());
        let folder = env::temp_dir().join(folder);
        match Self::write(&folder) {
            Ok(pem) => Self { folder, pem },
            Err(error) => panic!("no certificate in `{}`: {error}", folder.display()),
        }
    }

    /// The file of the certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("tls.crt")
    }

    /// The file of the key.
    pub fn key(&self) -> PathBuf {
        self.folder.join("tls.key")
    }

    fn write(folder: &Path) -> Result<String, Box<dyn std::error::Error>> {
        let names = vec!["localhost".to_owned()];
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names)?;
        fs::create_dir_all(folder)?;
        fs::write(folder.join("tls.crt"), cert.pem())?;
        fs::write(folder.join("tls.key"), signing_key.serialize_pem())?;
        Ok(cert.pem())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // What stays is a file in a temporary folder.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
