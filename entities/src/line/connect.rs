//! Pools of lines: the address and its transport security, as libpq spells them.

use std::{
    fs,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, QueueMode,
    RecyclingMethod, Runtime, TimeoutType, Timeouts,
};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::{Config, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use super::{
    PREPARED_MAX,
    opening::{Connecting, READ_ONLY, begin_session},
    vigil::Vigil,
};
use crate::error::{Cause, StoreError};

/// How many threads the server has.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Which of so many places is this thread's.
pub(super) fn thread(places: usize) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static THREAD: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    THREAD.with(|thread| thread.checked_rem(places).unwrap_or_default())
}

/// The connections for reading: a pool for each of the server's threads. A connection is driven by
/// the thread that opened it, and an answer that has to wake another thread costs more than the
/// statement.
pub(crate) struct Lines(Vec<Pool>);

impl Lines {
    /// At most `max` connections in all, which connect when they are first asked for; whoever asks
    /// waits for `patience`. `session` is sent on each first; what is then asked for is given up as `vigil`
    /// says.
    pub(crate) fn new(
        address: &SecretString,
        max: u32,
        patience: Duration,
        session: Option<&str>,
        vigil: &Vigil,
    ) -> Result<Self, StoreError> {
        let threads = threads();
        let max = usize::try_from(max).unwrap_or(usize::MAX).max(1);
        let lanes = threads.min(max);
        let (each, more) = (max / lanes, max % lanes);
        let lanes = (0..lanes).map(|lane| {
            let size = each.saturating_add(usize::from(lane < more));
            pool(address, size, patience, session, vigil)
        });
        Ok(Self(lanes.collect::<Result<_, _>>()?))
    }

    /// A connection: this thread's, or another's where this one's are in use, or the first that is
    /// given back.
    pub(crate) async fn get(&self) -> Result<Object, StoreError> {
        let own = thread(self.0.len());
        let (before, rest) = self.0.split_at_checked(own).unwrap_or((&[], &self.0));
        for pool in rest.iter().chain(before) {
            let at_once = Timeouts {
                wait: Some(Duration::ZERO),
                ..pool.timeouts()
            };
            match pool.timeout_get(&at_once).await {
                Err(PoolError::Timeout(TimeoutType::Wait)) => {}
                given => return Ok(given?),
            }
        }
        let waiting = self.0.iter().map(|pool| Box::pin(pool.get()));
        let (given, ..) = futures::future::select_all(waiting).await;
        Ok(given?)
    }

    /// The most connections.
    pub(crate) fn max(&self) -> usize {
        self.0.iter().map(|pool| pool.status().max_size).sum()
    }

    /// How many connections are open, and how many of them nobody uses.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let each = self.0.iter().map(Pool::status);
        each.fold((0, 0), |(open, idle), status| {
            (
                open.saturating_add(status.size),
                idle.saturating_add(status.available),
            )
        })
    }

    /// Closes those that are idle, and the others as they are given back.
    pub(crate) fn close(&self) {
        self.0.iter().for_each(Pool::close);
    }
}

fn pool(
    address: &SecretString,
    max: usize,
    patience: Duration,
    session: Option<&str>,
    vigil: &Vigil,
) -> Result<Pool, StoreError> {
    let (config, tls) = Address::parse(address)?.connecting()?;
    let connect = Connecting {
        tls,
        vigil: vigil.clone(),
    };
    let manager = ManagerConfig {
        // Entering is the test: a dead connection is thrown away there.
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = Manager::from_connect(config, connect, manager);
    let session = session.map(str::to_owned);
    let prepare = Hook::async_fn(move |client: &mut ClientWrapper, _| {
        let session = session.clone();
        Box::pin(async move {
            let begun = begin_session(client, session.as_deref()).await;
            if begun.map_err(HookError::Backend)? {
                return Err(HookError::message(READ_ONLY));
            }
            Ok(())
        })
    });
    // A transaction has few statements, and so as many as are kept are hardly exceeded.
    let forget = Hook::sync_fn(|client: &mut ClientWrapper, _| {
        if client.statement_cache.size() > PREPARED_MAX {
            client.statement_cache.clear();
        }
        Ok(())
    });
    let pool = Pool::builder(manager)
        .max_size(max)
        // The connection that was used last: what its server process knows is still in the cache.
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(patience))
        .create_timeout(Some(patience))
        .post_create(prepare)
        .post_recycle(forget)
        .build()
        .map_err(|error| StoreError::Database(Cause::new(error.to_string())))?;
    let of = pool.weak();
    vigil.add(move || {
        if let Some(pool) = of.upgrade() {
            pool.retain(|_, _| false);
        }
    });
    Ok(pool)
}

/// Whom the server must prove to be, where transport is secured.
#[derive(Debug, PartialEq, Eq)]
enum Trust {
    /// `prefer`, `require`: nobody. The transport is only enciphered.
    Anybody,
    /// `verify-ca`: somebody with a certificate of the authority.
    Authority { root: Option<String> },
    /// `verify-full`: the host of the address.
    Host { root: Option<String> },
}

/// Where the database is, and whom it must prove to be.
pub(super) struct Address {
    config: Config,
    trust: Trust,
}

impl Address {
    /// What connects there.
    pub(super) fn connecting(self) -> Result<(Config, MakeRustlsConnect), StoreError> {
        let tls = MakeRustlsConnect::new(client(&self.trust)?);
        Ok((self.config, tls))
    }

    pub(super) fn parse(address: &SecretString) -> Result<Self, StoreError> {
        let malformed = || StoreError::Database(Cause::new("a database url is malformed"));
        let mut url = Url::parse(address.expose_secret()).map_err(|_| malformed())?;
        let (mut mode, mut root) = ("prefer".to_owned(), None);
        let mut others = Vec::new();
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "sslmode" | "ssl-mode" => mode = value.into_owned(),
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => root = Some(value.into_owned()),
                "application_name" => {}
                _ => others.push((key.into_owned(), value.into_owned())),
            }
        }
        url.set_query(None);
        if !others.is_empty() {
            url.query_pairs_mut().extend_pairs(others);
        }
        let mut config = Config::from_str(url.as_str()).map_err(|_| malformed())?;
        let (mode, trust) = match mode.as_str() {
            "disable" => (SslMode::Disable, Trust::Anybody),
            "allow" | "prefer" => (SslMode::Prefer, Trust::Anybody),
            "require" => (SslMode::Require, Trust::Anybody),
            "verify-ca" => (SslMode::Require, Trust::Authority { root }),
            "verify-full" => (SslMode::Require, Trust::Host { root }),
            _ => return Err(malformed()),
        };
        config.ssl_mode(mode).application_name("countersign");
        Ok(Self { config, trust })
    }
}

fn client(trust: &Trust) -> Result<ClientConfig, StoreError> {
    let failed = |what: &str| StoreError::Database(Cause::new(what.to_owned()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error.to_string()))?;
    let root = match trust {
        Trust::Anybody => None,
        Trust::Authority { root } | Trust::Host { root } => root.as_deref(),
    };
    let strict = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(root)?), provider)
        .build()
        .map_err(|error| failed(&error.to_string()))?;
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Host { .. } => strict,
        Trust::Authority { .. } => Arc::new(Lenient {
            strict,
            checks_chain: true,
        }),
        Trust::Anybody => Arc::new(Lenient {
            strict,
            checks_chain: false,
        }),
    };
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// The authorities of a file, or those of the web.
fn roots(file: Option<&str>) -> Result<RootCertStore, StoreError> {
    let unreadable = || StoreError::Database(Cause::new("`sslrootcert` can not be read"));
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let pem = fs::read(file).map_err(|_| unreadable())?;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| unreadable())?;
        roots.add(certificate).map_err(|_| unreadable())?;
    }
    Ok(roots)
}

/// Checks less than a host's certificate: its chain, or nothing. That whoever answers has the key of
/// the certificate is checked always.
#[derive(Debug)]
struct Lenient {
    strict: Arc<WebPkiServerVerifier>,
    checks_chain: bool,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !self.checks_chain {
            return Ok(ServerCertVerified::assertion());
        }
        let strict = &self.strict;
        match strict.verify_server_cert(certificate, chain, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let strict = &self.strict;
        strict.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let strict = &self.strict;
        strict.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_libpq_spells_them() {
        let parse = |text: &str| Address::parse(&SecretString::from(text));
        let root = || Some("/etc/ca.pem".to_owned());
        for (query, mode, trust) in [
            ("", SslMode::Prefer, Trust::Anybody),
            ("?sslmode=disable", SslMode::Disable, Trust::Anybody),
            ("?sslmode=require", SslMode::Require, Trust::Anybody),
            (
                "?sslmode=verify-ca&sslrootcert=/etc/ca.pem",
                SslMode::Require,
                Trust::Authority { root: root() },
            ),
            (
                "?application_name=x&sslrootcert=/etc/ca.pem&sslmode=verify-full",
                SslMode::Require,
                Trust::Host { root: root() },
            ),
        ] {
            let address = parse(&format!("postgres://u:p%40w@db.example:6432/books{query}"));
            let Ok(Address {
                config,
                trust: found,
            }) = address
            else {
                panic!("{query}");
            };
            assert_eq!((config.get_ssl_mode(), &found), (mode, &trust), "{query}");
            assert_eq!(config.get_password(), Some(b"p@w".as_slice()));
            assert_eq!(config.get_ports(), [6432]);
            assert_eq!(config.get_application_name(), Some("countersign"));
        }
        for bad in [
            "books",
            "postgres://u@h/d?sslmode=sometimes",
            "postgres://u@h/d?x=y",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
