//! What a chain of certificates says of itself: until when it is good, who signed whom, and for which names.

use std::{fmt, net::IpAddr};

use chrono::{DateTime, TimeDelta, Utc};
use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
};
use thiserror::Error;
use url::Host;
use x509_cert::{
    Certificate,
    der::Decode,
    ext::pkix::{SubjectAltName, name::GeneralName},
    time::{Time, Validity},
};

/// Days before a certificate's last instant from which on it is told.
const NOTICE: i64 = 14;

/// Why callers do not, or soon will not, trust a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateFault {
    /// It is none of the form that is known (RFC 5280).
    #[error("{0} can not be read: it is no certificate as RFC 5280 has them")]
    Form(Which),
    /// Its time has not begun.
    #[error("{which} is not good before {from}")]
    NotYet {
        /// Which of the chain.
        which: Which,
        /// Its first instant.
        from: DateTime<Utc>,
    },
    /// Its time is over.
    #[error("{which} was good until {until}")]
    Past {
        /// Which of the chain.
        which: Which,
        /// Its last instant.
        until: DateTime<Utc>,
    },
    /// Its time is over within two weeks.
    #[error("{which} is good until {until} only")]
    Ending {
        /// Which of the chain.
        which: Which,
        /// Its last instant.
        until: DateTime<Utc>,
    },
    /// The chain is in another order, or has a gap.
    #[error("{0} is not the one that the certificate before it names as its issuer")]
    Unlinked(Which),
    /// It is for other hosts.
    #[error("the certificate is not for `{host}`, but for {}", listed(.names))]
    Names {
        /// The host that callers ask for.
        host: String,
        /// Those that it is for.
        names: Vec<String>,
    },
}

/// A certificate of a chain, counted from 0: the server's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Which(usize);

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("the certificate"),
            before => write!(f, "certificate {} of the chain", before.saturating_add(1)),
        }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "no host (it has no subject alternative names)".to_owned();
    }
    format!("`{}`", names.join("`, `"))
}

/// Until when the whole chain is good, where it is good at `now` and for two weeks more, and hangs together.
pub fn outlook(
    chain: &[CertificateDer<'_>],
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, CertificateFault> {
    let mut issuer = None;
    let mut days = Vec::with_capacity(chain.len());
    for (n, der) in chain.iter().enumerate() {
        let which = Which(n);
        let found = Certificate::from_der(der).map_err(|_| CertificateFault::Form(which))?;
        let found = found.tbs_certificate;
        if issuer.is_some_and(|issuer| issuer != found.subject) {
            return Err(CertificateFault::Unlinked(which));
        }
        // A root that was sent along is looked at by nobody: callers have their own.
        if n == 0 || found.subject != found.issuer {
            let Validity {
                not_before,
                not_after,
            } = found.validity;
            days.push((which, instant(not_before), instant(not_after)));
        }
        issuer = Some(found.issuer);
    }
    if let Some((which, from, _)) = days.iter().find(|(_, from, _)| now < *from) {
        let (which, from) = (*which, *from);
        return Err(CertificateFault::NotYet { which, from });
    }
    match days.into_iter().min_by_key(|(_, _, until)| *until) {
        Some((which, _, until)) if until < now => Err(CertificateFault::Past { which, until }),
        Some((which, _, until)) if until - now < TimeDelta::days(NOTICE) => {
            Err(CertificateFault::Ending { which, until })
        }
        Some((_, _, until)) => Ok(until),
        None => Err(CertificateFault::Form(Which(0))),
    }
}

fn instant(time: Time) -> DateTime<Utc> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok();
    let instant = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    instant.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The names that the certificate is for, where `host` is among them as browsers judge that.
pub fn names(
    certificate: &CertificateDer<'_>,
    host: &Host<&str>,
) -> Result<Vec<String>, CertificateFault> {
    let unreadable = || CertificateFault::Form(Which(0));
    let parsed = ParsedCertificate::try_from(certificate).map_err(|_| unreadable())?;
    let asked = match host {
        Host::Domain(name) => ServerName::try_from(*name).ok(),
        Host::Ipv4(address) => Some(IpAddr::from(*address).into()),
        Host::Ipv6(address) => Some(IpAddr::from(*address).into()),
    };
    let is_for_it = asked.is_some_and(|asked| verify_server_name(&parsed, &asked).is_ok());
    let names = presented(certificate);
    if is_for_it {
        return Ok(names);
    }
    Err(CertificateFault::Names {
        host: host.to_string(),
        names,
    })
}

/// The hosts and addresses that it names.
fn presented(certificate: &CertificateDer<'_>) -> Vec<String> {
    let found = Certificate::from_der(certificate).ok();
    let found = found.and_then(|found| found.tbs_certificate.get::<SubjectAltName>().ok()?);
    let Some((_, SubjectAltName(names))) = found else {
        return Vec::new();
    };
    let shown = |name| match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => Some(address(bytes.as_bytes())?.to_string()),
        _ => None,
    };
    names.into_iter().filter_map(shown).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

#[cfg(test)]
mod tests;
