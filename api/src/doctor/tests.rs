use std::{env, path::PathBuf};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;
use crate::config::EXAMPLE;

/// A certificate for `books.example` that is good in October of 2026, and its key, in files.
struct Pair(PathBuf);

impl Pair {
    fn make(name: &str) -> Self {
        let folder = format!("countersign-doctor-{}-{name}", std::process::id());
        let folder = env::temp_dir().join(folder);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["books.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 10, 1);
        params.not_after = date_time_ymd(2026, 10, 31);
        fs::create_dir_all(&folder).unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        fs::write(folder.join("tls.crt"), pem).unwrap();
        fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
        Self(folder)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn http(url: &str, certificate: &Pair, key: &Pair) -> Http {
    let (certificate, key) = (certificate.0.display(), key.0.display());
    let tls =
        format!("[http.tls]\ncertificate = \"{certificate}/tls.crt\"\nkey = \"{key}/tls.key\"");
    let toml = EXAMPLE.replace("\n[database]", &format!("\n{tls}\n[database]"));
    let toml = toml.replace("http://localhost:8080", url);
    Config::from_toml(&toml).unwrap().http
}

fn found(http: &Http, now: &str) -> Vec<(&'static str, Result<Option<String>, String>)> {
    let mut findings = Findings::default();
    let (settings, now) = (http.tls.as_ref().unwrap(), now.parse().unwrap());
    check_certificate(http, settings, now, &mut findings);
    let findings = findings.0.into_iter();
    findings
        .map(|one| (one.what, one.fault.map_or(Ok(one.told), Err)))
        .collect()
}

#[test]
fn of_a_certificate_days_key_and_names_are_looked_at() {
    let (own, other) = (Pair::make("own"), Pair::make("other"));
    let (pair, days, names) = (
        "certificate and key",
        "days of the certificate",
        "names of the certificate",
    );
    let good = http("https://books.example", &own, &own);
    let told = |text: &str| Ok(Some(text.to_owned()));
    let fault = |text: &str| Err(text.to_owned());
    let until = told("it is good until 2026-10-31 00:00:00 UTC");
    let named = told("books.example");
    assert_eq!(
        found(&good, "2026-10-05T00:00:00Z"),
        [
            (pair, Ok(None)),
            (days, until.clone()),
            (names, named.clone())
        ]
    );
    for (now, ends) in [
        (
            "2026-09-30T00:00:00Z",
            "the certificate is not good before 2026-10-01 00:00:00 UTC",
        ),
        (
            "2026-10-20T00:00:00Z",
            "the certificate is good until 2026-10-31 00:00:00 UTC only",
        ),
        (
            "2026-11-01T00:00:00Z",
            "the certificate was good until 2026-10-31 00:00:00 UTC",
        ),
    ] {
        let all = [
            (pair, Ok(None)),
            (days, fault(ends)),
            (names, named.clone()),
        ];
        assert_eq!(found(&good, now), all);
    }
    let elsewhere = http("https://acme.example:8443", &own, &own);
    let not = fault("the certificate is not for `acme.example`, but for `books.example`");
    assert_eq!(
        found(&elsewhere, "2026-10-05T00:00:00Z"),
        [(pair, Ok(None)), (days, until.clone()), (names, not)]
    );
    // A proxy asks by a name of its own.
    let mut behind = elsewhere;
    behind.trusted_proxies = serde_json::from_str(r#"["10.0.0.0/8"]"#).unwrap();
    assert_eq!(
        found(&behind, "2026-10-05T00:00:00Z"),
        [(pair, Ok(None)), (days, until)]
    );
    let foreign = http("https://books.example", &own, &other);
    let foreign = found(&foreign, "2026-10-05T00:00:00Z");
    let [(what, Err(fault))] = &foreign[..] else {
        panic!("{foreign:?}");
    };
    assert!(
        *what == pair && fault.contains("is not that of the certificate"),
        "{fault}"
    );
    fs::write(own.0.join("tls.crt"), "nothing").unwrap();
    let empty = format!("{:?}", found(&good, "2026-10-05T00:00:00Z"));
    assert!(
        empty.contains("is no certificate in PEM: none is in it"),
        "{empty}"
    );
}
