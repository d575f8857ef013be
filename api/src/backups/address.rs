//! The owner's address, as `pg_dump` is told it: by its environment, which other users of the machine do not
//! see, and never by its arguments, which they do.

use std::process::Command;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::BackupError;

/// Parameters of an address, and the variables by which PostgreSQL's own programs know them. The second half
/// are names that this program's library for PostgreSQL takes as well.
const PARAMETERS: [(&str, &str); 18] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("options", "PGOPTIONS"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("ssl-mode", "PGSSLMODE"),
    ("ssl-root-cert", "PGSSLROOTCERT"),
    ("ssl-ca", "PGSSLROOTCERT"),
    ("ssl-cert", "PGSSLCERT"),
    ("ssl-key", "PGSSLKEY"),
];

/// Parameters that say nothing to `pg_dump`: of libraries, and the name that it tells PostgreSQL.
const PASSED_OVER: [&str; 2] = ["statement-cache-capacity", "application_name"];

/// Tells the program whom to connect to, and as whom.
pub(super) fn tell(command: &mut Command, owner_url: &SecretString) -> Result<(), BackupError> {
    let malformed = || BackupError::Address("it is malformed");
    let url = Url::parse(owner_url.expose_secret()).map_err(|_| malformed())?;
    let mut say = |variable: &str, encoded: &str| {
        let text = percent_decode_str(encoded).decode_utf8();
        let text = text.map_err(|_| malformed())?;
        if !text.is_empty() {
            command.env(variable, &*text);
        }
        Ok::<_, BackupError>(())
    };
    let host = url.host_str().unwrap_or_default();
    say("PGHOST", host.trim_matches(['[', ']']))?;
    say("PGUSER", url.username())?;
    say("PGPASSWORD", url.password().unwrap_or_default())?;
    say("PGDATABASE", url.path().trim_start_matches('/'))?;
    if let Some(port) = url.port() {
        command.env("PGPORT", port.to_string());
    }
    for (name, value) in url.query_pairs() {
        if PASSED_OVER.contains(&&*name) {
            continue;
        }
        let known = PARAMETERS.iter().find(|(known, _)| *known == name);
        let Some((_, variable)) = known else {
            // Not passed over: it may be what keeps the connection safe.
            return Err(BackupError::Address(
                "a parameter after `?` that is not known here",
            ));
        };
        command.env(variable, &*value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, process::Command};

    use super::tell;

    fn told(url: &str) -> Option<BTreeMap<String, String>> {
        let mut command = Command::new("pg_dump");
        tell(&mut command, &url.into()).ok()?;
        assert_eq!(command.get_args().count(), 0);
        let text = |text: &std::ffi::OsStr| text.to_str().unwrap().to_owned();
        let each = command.get_envs();
        Some(
            each.map(|(name, value)| (text(name), text(value.unwrap())))
                .collect(),
        )
    }

    fn expected<const N: usize>(each: [(&str, &str); N]) -> BTreeMap<String, String> {
        let each = each.map(|(name, value)| (name.to_owned(), value.to_owned()));
        each.into()
    }

    #[test]
    fn every_part_of_an_address_is_told() {
        let url = "postgres://own%20er:p%40ss%2F+@[::1]:5433/books%C3%A9?sslmode=verify-full&ssl-ca=/ca.pem";
        let parts = [
            ("PGUSER", "own er"),
            ("PGPASSWORD", "p@ss/+"),
            ("PGHOST", "::1"),
            ("PGPORT", "5433"),
            ("PGDATABASE", "books\u{e9}"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/ca.pem"),
        ];
        assert_eq!(told(url), Some(expected(parts)));
        let socket = "postgresql:///books?host=/run/postgresql&user=postgres&application_name=x";
        let parts = [
            ("PGHOST", "/run/postgresql"),
            ("PGUSER", "postgres"),
            ("PGDATABASE", "books"),
        ];
        assert_eq!(told(socket), Some(expected(parts)));
    }

    #[test]
    fn what_is_not_known_is_not_passed_over() {
        assert_eq!(told("postgres://a@b/c?sslcrl=/crl.pem"), None);
    }
}
