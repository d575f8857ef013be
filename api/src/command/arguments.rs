//! What arguments have to be, in words that say what is wanted: judged before anything is connected to.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDate, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use countersign_domain::{
    access::{Capability, Role, Scope},
    name::is_slug,
};
use countersign_entities::MemberRole;
use thiserror::Error;
use url::Url;

use crate::{app, http::management};

/// The longest name of a tenant or a machine, in characters.
pub(super) const NAME_MAX: usize = 100;
/// The longest name of a person, in characters.
const PERSON_MAX: usize = 254;
/// The longest name of a role that a tenant made, in characters.
const ROLE_MAX: usize = 60;
/// The longest e-mail address, in characters.
const EMAIL_MAX: usize = 254;
/// The longest id of a client, in characters.
const CLIENT_MAX: usize = 200;
/// What stands in an e-mail address in quotes only, which no provider gives.
const QUOTED: &str = "<>()[]\\,;:\"";

/// Arguments that are each of their form, and not usable together. Exit code 2.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct UsageError(pub(super) String);

impl UsageError {
    /// The error of a command.
    pub(super) fn of(fault: impl Into<String>) -> anyhow::Error {
        Self(fault.into()).into()
    }
}

/// A tenant's name in addresses.
pub(super) fn slug(text: &str) -> Result<String, &'static str> {
    is_slug(text)
        .then(|| text.to_owned())
        .ok_or("give 2 to 40 lower-case letters, digits or hyphens, no hyphen at either end, such as `acme`")
}

/// The name of a tenant or a machine.
pub(super) fn name(text: &str) -> Result<String, String> {
    named(text, NAME_MAX)
}

/// The name of a person.
pub(super) fn person(text: &str) -> Result<String, String> {
    named(text, PERSON_MAX)
}

fn named(text: &str, max: usize) -> Result<String, String> {
    app::name(text, max, "name").map_err(|fault| fault.message)
}

/// An e-mail address, as providers give them.
pub(super) fn email(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !QUOTED.contains(c);
    let is_split = text
        .split_once('@')
        .is_some_and(|(who, host)| !who.is_empty() && !host.is_empty() && !host.contains('@'));
    let is_email = is_split && text.chars().all(is_plain) && text.chars().count() <= EMAIL_MAX;
    is_email
        .then(|| text.to_owned())
        .ok_or("give one address of at most 254 characters, such as `ada@books.example`")
}

/// A built-in role, or the name of one that the tenant made.
pub(super) fn role(text: &str) -> Result<MemberRole, String> {
    match text.parse::<Role>() {
        Ok(role) => Ok(role.into()),
        Err(_) => named(text, ROLE_MAX).map(MemberRole::Own),
    }
}

/// A client's id at a provider.
pub(super) fn client(text: &str) -> Result<String, &'static str> {
    let is_id = (1..=CLIENT_MAX).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && text.trim() == text;
    is_id
        .then(|| text.to_owned())
        .ok_or("give the id as the provider has it: 1 to 200 characters, no space at either end")
}

/// An operator's name, as logs have it.
pub(super) fn operator(text: &str) -> Result<String, &'static str> {
    management::is_operator(text)
        .then(|| text.to_owned())
        .ok_or("say who you are by 1 to 64 letters, digits or `._@-`")
}

/// A row of a log.
pub(super) fn row(text: &str) -> Result<i64, &'static str> {
    let row = text.parse().ok().filter(|row| *row >= 1);
    row.ok_or("give a whole number: rows are counted from 1")
}

/// How many rows a checkpoint is of.
pub(super) fn size(text: &str) -> Result<u64, &'static str> {
    let size = text.parse().ok().filter(|size| *size >= 1);
    size.ok_or("give how many rows it is of: a whole number from 1 on")
}

/// How many days.
pub(super) fn days(text: &str) -> Result<u64, &'static str> {
    let days = text.parse().ok().filter(|days| (1..=3_650).contains(days));
    days.ok_or("give a whole number of days, from 1 to 3650")
}

/// An instant.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    text.parse().map_err(
        |_| "give a day and a time with its zone (RFC 3339), such as `2026-10-01T00:00:00Z`",
    )
}

/// A day.
pub(super) fn day(text: &str) -> Result<NaiveDate, &'static str> {
    text.parse()
        .map_err(|_| "give a day of the calendar, such as `2026-10-01`")
}

/// A server on a port.
pub(super) fn host_and_port(text: &str) -> Result<String, &'static str> {
    let url = Url::parse(&format!("http://{text}/")).ok();
    let is_both = url.is_some_and(|url| {
        let is_bare = url.path() == "/" && url.username().is_empty() && url.password().is_none();
        is_bare && url.query().is_none() && url.fragment().is_none()
    });
    let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    (is_both && matches!(port, Some(Ok(_))))
        .then(|| text.to_owned())
        .ok_or("give a host and a port, such as `10.0.0.7:9464`")
}

/// A role of those that are built in, all of which help and refusals list.
pub(super) fn built_in() -> ValueParser {
    one_of(Role::ALL, Role::name)
}

/// A capability, all of which help and refusals list.
pub(super) fn capability() -> ValueParser {
    one_of(Capability::ALL, Capability::name)
}

/// A scope, all of which help and refusals list.
pub(super) fn scope() -> ValueParser {
    one_of(Scope::ALL, Scope::name)
}

fn one_of<T>(all: &'static [T], name: fn(T) -> &'static str) -> ValueParser
where
    T: Copy + Send + Sync + FromStr + 'static,
    T::Err: fmt::Display + std::error::Error + Send + Sync,
{
    let names = all.iter().map(|one| name(*one));
    let parser = PossibleValuesParser::new(names);
    parser.try_map(|name| name.parse::<T>()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_those_that_the_database_takes() {
        for good in ["acme", "a1", "a-b", "0-0", &"a".repeat(40)] {
            assert!(slug(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "Acme",
            "a_b",
            "-a",
            "a-",
            "a b",
            "\u{e9}t\u{e9}",
            &"a".repeat(41),
        ] {
            assert!(slug(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_of_people_have_one_at_and_no_space() {
        for good in ["a@b", " ada@books.example ", "o'neil+x@b.example"] {
            assert_eq!(email(good).as_deref(), Ok(good.trim()));
        }
        let long = format!("{}@b.example", "a".repeat(250));
        for bad in [
            "", "@", "a@", "@b", "a@b@c", "a b@c", "<a@b>", "a@b,c", "a@b\n", "ada", &long,
        ] {
            let fault = email(bad);
            assert!(fault.is_err() || bad.trim() != bad, "{bad}");
        }
    }

    #[test]
    fn numbers_days_and_instants_are_told_by_their_form() {
        assert_eq!(row("1"), Ok(1));
        for bad in ["", "0", "-1", "x", "1.5", "9223372036854775808"] {
            assert!(row(bad).unwrap_err().contains("counted from 1"), "{bad}");
        }
        assert!(day("2026-10-01").is_ok() && day("2026-02-30").is_err() && day("today").is_err());
        assert!(instant("2026-10-01T00:00:00+02:00").is_ok());
        assert!(instant("2026-10-01").unwrap_err().contains("with its zone"));
    }

    #[test]
    fn a_replica_is_a_host_and_a_port_alone() {
        for good in ["10.0.0.7:9464", "localhost:80", "[::1]:9464"] {
            assert_eq!(host_and_port(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "nonsense",
            ":9464",
            "a:b",
            "a:9464/x",
            "u@a:9464",
            "http://a:9464",
            "a:70000",
            "::1",
        ] {
            assert!(host_and_port(bad).is_err(), "{bad}");
        }
    }
}
