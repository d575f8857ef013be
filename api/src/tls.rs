//! Transport security (NET-1): TLS 1.3, or 1.2 where the operator lowers the floor.

pub mod certificate;

use std::{fs::File, io::BufReader, path::Path, sync::Arc};

use rustls::{
    InconsistentKeys, ServerConfig, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::{TLS12, TLS13},
};
use thiserror::Error;

use crate::config::{Tls, TlsVersion};

/// Why transport security does not start. The messages name files and never what is in them.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file is not there, or is not what it should be.
    #[error("`{key}` names a file that is no {wanted} in PEM: {cause}")]
    File {
        /// The key of the configuration.
        key: &'static str,
        /// What should be in it.
        wanted: &'static str,
        /// What was found.
        cause: String,
    },
    /// The key is another certificate's.
    #[error(
        "the key that `http.tls.key` names is not that of the certificate that `http.tls.certificate` names first"
    )]
    Foreign,
    /// The certificate and the key are not usable.
    #[error("`http.tls` has a certificate and a key that can not be used together")]
    Pair(#[source] rustls::Error),
}

const NEWEST: &[&SupportedProtocolVersion] = &[&TLS13];
const LOWERED: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// The server's side, by the configuration.
pub fn server(tls: &Tls) -> Result<ServerConfig, TlsError> {
    let certificates = chain(tls)?;
    let key = read(&tls.key, "http.tls.key", "private key", |file| {
        PrivateKeyDer::from_pem_reader(file)
    })?;
    let versions = match tls.min_version {
        TlsVersion::Tls13 => NEWEST,
        TlsVersion::Tls12 => LOWERED,
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Foreign,
            other => TlsError::Pair(other),
        })
}

/// The server's certificate, and those that it is signed by, in their order.
pub fn chain(tls: &Tls) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let (key, wanted) = ("http.tls.certificate", "certificate");
    let chain = read(&tls.certificate, key, wanted, |file| {
        CertificateDer::pem_reader_iter(file).collect::<Result<Vec<_>, _>>()
    })?;
    if chain.is_empty() {
        let cause = "none is in it".to_owned();
        return Err(TlsError::File { key, wanted, cause });
    }
    Ok(chain)
}

fn read<T, E: ToString>(
    path: &Path,
    key: &'static str,
    wanted: &'static str,
    parse: impl FnOnce(BufReader<File>) -> Result<T, E>,
) -> Result<T, TlsError> {
    let fault = |cause: String| TlsError::File { key, wanted, cause };
    let file = File::open(path).map_err(|error| fault(error.to_string()))?;
    parse(BufReader::new(file)).map_err(|error| fault(error.to_string()))
}
