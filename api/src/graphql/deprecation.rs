//! Fields on their way out: `@deprecated(reason: "since 2026-11-21, until 2027-05-31: use `x`")`, and
//! the headers that tell of them (RFC 9745, RFC 8594).

use async_graphql_parser::types::FieldDefinition;
use async_graphql_value::ConstValue;
use chrono::{NaiveDate, NaiveTime};

/// From when to when a field is deprecated. After the second day it may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deprecation {
    since: NaiveDate,
    until: NaiveDate,
}

impl Deprecation {
    /// Reads it from the definition, where the field is deprecated.
    pub(super) fn of(field: &FieldDefinition) -> Option<Self> {
        let mut directives = field.directives.iter();
        let deprecated = directives.find(|one| one.node.name.node == "deprecated")?;
        match &deprecated.node.get_argument("reason")?.node {
            ConstValue::String(reason) => Self::parse(reason),
            _ => None,
        }
    }

    fn parse(reason: &str) -> Option<Self> {
        let (days, _) = reason.strip_prefix("since ")?.split_once(": ")?;
        let (since, until) = days.split_once(", until ")?;
        Some(Self {
            since: since.parse().ok()?,
            until: until.parse().ok()?,
        })
    }

    /// What holds for an operation that selects both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            since: self.since.min(other.since),
            until: self.until.min(other.until),
        }
    }

    /// The header `Deprecation`: a structured field of type Date.
    pub(crate) fn header(self) -> String {
        format!(
            "@{}",
            self.since.and_time(NaiveTime::MIN).and_utc().timestamp()
        )
    }

    /// The header `Sunset`: an HTTP date.
    pub(crate) fn sunset_header(self) -> String {
        let end = self.until.and_time(NaiveTime::MIN);
        end.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }
}

#[cfg(test)]
mod tests {
    use countersign_policies::Engine;

    use super::*;

    #[test]
    fn days_become_headers() {
        let deprecation =
            Deprecation::parse("since 2026-11-21, until 2027-05-31: use `x`").unwrap();
        assert_eq!(deprecation.header(), "@1795219200");
        assert_eq!(deprecation.sunset_header(), "Mon, 31 May 2027 00:00:00 GMT");
        for bad in [
            "use `x`",
            "since soon, until later: use `x`",
            "since 2026-11-21: use `x`",
        ] {
            assert_eq!(Deprecation::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_deprecated_field_says_since_when_and_until_when() {
        let sdl = crate::graphql::sdl(&Engine::embedded().unwrap()).unwrap();
        let fields = sdl.lines().filter(|line| !line.starts_with("directive "));
        let marked = fields.filter(|line| line.contains("@deprecated")).count();
        let dated = sdl.matches("@deprecated(reason: \"since ").count();
        assert!(marked > 0 && marked == dated, "{marked} {dated}");
    }
}
