//! Typed identifiers: a prefix that names the kind and a UUIDv7, written `txn_<32 hex digits>`.
//!
//! A prefix is never reused for another kind. Parsing an identifier of the wrong kind fails, so an
//! account's id can not be passed where a transaction's is wanted.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;
use uuid::Uuid;

/// Why a text is not an identifier of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected an id that starts with `{expected}_`")]
pub struct ParseIdError {
    expected: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(Uuid);

            impl $name {
                /// The text before the underscore.
                pub const PREFIX: &'static str = $prefix;

                /// Wraps a UUID that is known to name a thing of this kind.
                pub const fn new(uuid: Uuid) -> Self {
                    Self(uuid)
                }

                /// The bare UUID, as the database stores it.
                pub const fn uuid(self) -> Uuid {
                    self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    // Written for every row of an answer: a formatter's machinery costs more.
                    f.write_str(Self::PREFIX)?;
                    f.write_str("_")?;
                    f.write_str(self.0.as_simple().encode_lower(&mut [0; 32]))
                }
            }

            impl From<$name> for AnyId {
                fn from(id: $name) -> Self {
                    Self { kind: $name::PREFIX, uuid: id.0 }
                }
            }

            impl FromStr for $name {
                type Err = ParseIdError;

                fn from_str(text: &str) -> Result<Self, Self::Err> {
                    text.strip_prefix(concat!($prefix, "_"))
                        .and_then(parse_simple)
                        .map(Self)
                        .ok_or(ParseIdError { expected: Self::PREFIX })
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
                }
            }
        )*

        /// Every prefix with the name of its kind, for tests and documentation.
        pub const PREFIXES: &[(&str, &str)] = &[$(($prefix, stringify!($name)),)*];
    };
}

ids! {
    /// A company whose books are kept here.
    TenantId = "ten";
    /// One human, across every tenant.
    UserId = "usr";
    /// A human's membership of one tenant.
    MemberId = "mbr";
    /// A role that a tenant made itself.
    CustomRoleId = "rol";
    /// A machine that acts in one tenant.
    MachineId = "mch";
    /// A signed-in browser.
    SessionId = "ses";
    /// A scoped API token.
    ApiTokenId = "tok";
    /// A bank account in the books.
    AccountId = "acc";
    /// A booked movement of money on an account.
    TransactionId = "txn";
    /// A category that transactions are sorted under.
    CategoryId = "cat";
    /// A bank statement that was imported.
    StatementId = "stm";
    /// One import of a file, which may hold several statements.
    ImportId = "imp";
    /// A credential at an outside provider.
    CredentialId = "crd";
    /// A row of the audit log.
    AuditEntryId = "aud";
    /// One request, as callers, logs and the audit log name it.
    RequestId = "req";
}

impl TenantId {
    /// The operator's own tenant. Its audit log has what belongs to no other: credentials that are
    /// nobody's, and sign-ins of people without a tenant.
    pub const OPERATOR: Self = Self(Uuid::from_u128(0x7000_8000_0000_0000_0000));
}

/// Lower-case hexadecimal without hyphens only, so that one thing has one spelling.
fn parse_simple(text: &str) -> Option<Uuid> {
    let canonical =
        text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if canonical {
        Uuid::try_parse(text).ok()
    } else {
        None
    }
}

/// An identifier of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnyId {
    /// Its prefix, one of [`PREFIXES`].
    pub kind: &'static str,
    /// What the database stores of it.
    pub uuid: Uuid,
}

impl fmt::Display for AnyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.kind, self.uuid.as_simple())
    }
}

impl AnyId {
    /// Reads an identifier of whatever kind.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once('_')?;
        let kind = PREFIXES.iter().find(|(known, _)| *known == prefix)?.0;
        let uuid = parse_simple(rest)?;
        Some(Self { kind, uuid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_of_another_kind_is_refused() {
        let account = AccountId::new(Uuid::from_u128(7));
        assert_eq!(account.to_string().parse(), Ok(account));
        assert!(account.to_string().parse::<TransactionId>().is_err());
    }

    #[test]
    fn id_has_one_spelling() {
        for text in [
            "acc_0000000000000000000000000000000A",
            "acc_00000000-0000-0000-0000-00000000000a",
            "acc_",
            "acc",
            "",
        ] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
            assert!(AnyId::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn prefixes_are_unique() {
        for (i, (prefix, _)) in PREFIXES.iter().enumerate() {
            assert!(
                PREFIXES
                    .iter()
                    .skip(i + 1)
                    .all(|(other, _)| other != prefix),
                "{prefix}"
            );
        }
    }
}
