use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use super::*;

/// Someone who signs, and the certificate that says so.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

fn params(name: &str, names: &[&str], days: (u8, u8)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 10, days.0);
    params.not_after = date_time_ymd(2026, 10, days.1);
    params
}

fn authority(name: &str, days: (u8, u8)) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = params(name, &[], days);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let issuer = Issuer::new(params, key);
    Authority {
        issuer,
        certificate,
    }
}

impl Authority {
    fn signs(&self, name: &str, names: &[&str], days: (u8, u8)) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let signed = params(name, names, days).signed_by(&key, &self.issuer);
        signed.unwrap().der().clone()
    }

    fn makes(&self, name: &str, days: (u8, u8)) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = params(name, &[], days);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        Authority {
            issuer,
            certificate,
        }
    }
}

fn day(day: u32) -> DateTime<Utc> {
    format!("2026-10-{day:02}T00:00:00Z").parse().unwrap()
}

#[test]
fn the_days_of_a_certificate_are_told_two_weeks_ahead() {
    let root = authority("root", (1, 31));
    let chain = [root.signs("books", &["books.example"], (2, 30))];
    let which = Which(0);
    assert_eq!(
        outlook(&chain, day(1)),
        Err(CertificateFault::NotYet {
            which,
            from: day(2)
        })
    );
    assert_eq!(outlook(&chain, day(2)), Ok(day(30)));
    assert_eq!(outlook(&chain, day(16)), Ok(day(30)), "it has two weeks");
    let soon = day(16) + TimeDelta::seconds(1);
    let ending = CertificateFault::Ending {
        which,
        until: day(30),
    };
    assert_eq!(outlook(&chain, soon), Err(ending.clone()));
    assert_eq!(outlook(&chain, day(30)), Err(ending));
    let past = outlook(&chain, day(30) + TimeDelta::seconds(1)).unwrap_err();
    assert_eq!(
        past,
        CertificateFault::Past {
            which,
            until: day(30)
        }
    );
    assert_eq!(
        past.to_string(),
        "the certificate was good until 2026-10-30 00:00:00 UTC"
    );
}

#[test]
fn a_chain_is_good_for_as_long_as_the_first_of_it_that_ends() {
    let root = authority("root", (1, 3));
    let middle = root.makes("middle", (1, 20));
    let leaf = middle.signs("books", &["books.example"], (1, 31));
    let chain = [leaf, middle.certificate, root.certificate];
    assert_eq!(
        outlook(&chain, day(5)),
        Ok(day(20)),
        "a root is the caller's"
    );
    let fault = outlook(&chain, day(21)).unwrap_err().to_string();
    assert!(
        fault.starts_with("certificate 2 of the chain was good until"),
        "{fault}"
    );
    let [leaf, middle, root] = chain;
    let fault = outlook(&[leaf.clone(), root, middle], day(5)).unwrap_err();
    assert_eq!(fault, CertificateFault::Unlinked(Which(1)));
    let fault = outlook(&[leaf, CertificateDer::from(vec![7; 40])], day(5)).unwrap_err();
    assert_eq!(fault, CertificateFault::Form(Which(1)));
}

#[test]
fn names_are_judged_as_browsers_do() {
    let root = authority("root", (1, 31));
    let leaf = root.signs(
        "else.example",
        &["books.example", "*.books.example", "10.0.0.7", "::1"],
        (1, 31),
    );
    let host = |text: &'static str| names(&leaf, &Host::Domain(text));
    for good in ["books.example", "acme.books.example"] {
        assert_eq!(
            host(good).unwrap(),
            ["books.example", "*.books.example", "10.0.0.7", "::1"]
        );
    }
    // The common name counts for nothing.
    for bad in [
        "else.example",
        "a.b.books.example",
        "example",
        "xbooks.example",
    ] {
        let fault = host(bad).unwrap_err().to_string();
        let told = format!(
            "the certificate is not for `{bad}`, but for `books.example`, `*.books.example`, `10.0.0.7`, `::1`"
        );
        assert_eq!(fault, told);
    }
    let address = |text: &str| match text.parse().unwrap() {
        IpAddr::V4(address) => names(&leaf, &Host::Ipv4(address)),
        IpAddr::V6(address) => names(&leaf, &Host::Ipv6(address)),
    };
    assert!(address("10.0.0.7").is_ok() && address("::1").is_ok());
    assert!(address("10.0.0.8").is_err() && address("::2").is_err());
    let nameless = root.signs("books.example", &[], (1, 31));
    let fault = names(&nameless, &Host::Domain("books.example")).unwrap_err();
    assert!(
        fault.to_string().contains("no subject alternative names"),
        "{fault}"
    );
}
