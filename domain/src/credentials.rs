//! Credentials at outside providers: what a tenant gives this product to act for it elsewhere.

use std::{fmt, str::FromStr};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// The shortest secret, in characters: of a shorter one, a prefix would tell too much.
pub const SECRET_MIN: usize = 16;
/// The longest secret, in characters.
pub const SECRET_MAX: usize = 4_096;
/// The most characters of a secret that anybody is shown.
const PREFIX_MAX: usize = 8;
/// At most this part of a secret is shown.
const PREFIX_PART: usize = 4;

/// Whom a credential is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// OpenAI, or whoever speaks its interface.
    OpenAi,
    /// Stripe.
    Stripe,
}

impl Provider {
    /// Every provider.
    pub const ALL: &'static [Self] = &[Self::OpenAi, Self::Stripe];

    /// The name in every layer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "OPENAI",
            Self::Stripe => "STRIPE",
        }
    }

    /// The provider of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name)
    }
}

/// What a provider said of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckOutcome {
    /// It lets in.
    Accepted,
    /// It does not.
    Refused,
    /// Nothing: the provider did not answer, or not so that it could be understood.
    Unreachable,
}

impl CheckOutcome {
    /// Every outcome.
    pub const ALL: &'static [Self] = &[Self::Accepted, Self::Refused, Self::Unreachable];

    /// The name in every layer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::Refused => "REFUSED",
            Self::Unreachable => "UNREACHABLE",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name)
    }
}

/// The text is no credential of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "give the credential as the provider shows it: {SECRET_MIN} to {SECRET_MAX} visible characters of ASCII"
)]
pub struct SecretFormError;

/// A credential in the open. It can be neither printed, written out nor copied, and is wiped when it is
/// dropped.
#[expect(
    missing_debug_implementations,
    reason = "a secret that can not be printed is not printed by accident"
)]
pub struct PlainCredential(SecretString);

impl PlainCredential {
    /// The credential, if the text has the form of one: it goes into a header as it is.
    pub fn parse(text: SecretString) -> Result<Self, SecretFormError> {
        let secret = text.expose_secret();
        let fits = (SECRET_MIN..=SECRET_MAX).contains(&secret.len());
        if fits && secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err(SecretFormError)
        }
    }

    /// The text itself, for the vault that seals it and for the one call that it is opened for.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// What people are shown, to tell one from another: the first characters, and never more than a
    /// quarter.
    pub fn prefix(&self) -> String {
        let secret = self.0.expose_secret();
        let shown = PREFIX_MAX.min(secret.len() / PREFIX_PART);
        secret.chars().take(shown).collect()
    }
}

/// A provider of another name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a provider")]
pub struct UnknownProviderError(String);

impl FromStr for Provider {
    type Err = UnknownProviderError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::from_name(name).ok_or_else(|| UnknownProviderError(name.chars().take(64).collect()))
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PlainCredential, SecretFormError> {
        PlainCredential::parse(text.to_owned().into())
    }

    #[test]
    fn what_would_not_go_into_a_header_is_no_credential() {
        for bad in [
            "short",
            "sk-live 0123456789abcdef",
            "sk-live-0123456789\nx",
            "sk-líve-0123456789abc",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&"x".repeat(SECRET_MAX + 1)).is_err());
        assert!(parse(&"x".repeat(SECRET_MAX)).is_ok());
    }

    #[test]
    fn at_most_a_quarter_of_a_secret_is_shown() {
        for (secret, shown) in [
            ("sk-proj-0123456789abcdef0123456789abcdef", "sk-proj-"),
            ("sk-0123456789abc", "sk-0"),
        ] {
            let prefix = parse(secret).map(|secret| secret.prefix());
            assert_eq!(prefix.as_deref(), Ok(shown));
        }
    }
}

/// A secret that could be printed, written out or copied would do so by accident some day: then this
/// would not compile.
#[cfg(test)]
mod forbidden {
    use super::PlainCredential;

    trait Unless<A> {
        fn holds() {}
    }
    struct Debugs;
    struct Displays;
    struct Clones;
    struct Serializes;
    impl<T: ?Sized> Unless<()> for T {}
    impl<T: ?Sized + std::fmt::Debug> Unless<Debugs> for T {}
    impl<T: ?Sized + std::fmt::Display> Unless<Displays> for T {}
    impl<T: Clone> Unless<Clones> for T {}
    impl<T: ?Sized + serde::Serialize> Unless<Serializes> for T {}

    #[test]
    fn plain_credential_is_neither_printed_nor_written_nor_copied() {
        // Ambiguous, and so no program, where one of the four is implemented.
        <PlainCredential as Unless<_>>::holds();
    }
}
