//! Text that stands sealed in the books, as stores return it: opened by the storage floor alone, and only
//! for who may read it.

use std::fmt;

use uuid::Uuid;

use crate::id::{AccountId, AnyId, ApiTokenId, CredentialId, ImportId, StatementId};

/// The column that a text stands in. A text that was moved to another does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextColumn {
    /// The number of an account.
    AccountNumber,
    /// The name of an API token.
    ApiTokenName,
    /// The name of a credential.
    CredentialName,
    /// The file name of an import.
    ImportFileName,
    /// The bank's reference of a statement.
    StatementReference,
}

impl TextColumn {
    /// Every column.
    pub const ALL: &'static [Self] = &[
        Self::AccountNumber,
        Self::ApiTokenName,
        Self::CredentialName,
        Self::ImportFileName,
        Self::StatementReference,
    ];

    /// Its table.
    pub const fn table(self) -> &'static str {
        match self {
            Self::AccountNumber => "accounts",
            Self::ApiTokenName => "api_tokens",
            Self::CredentialName => "credentials",
            Self::ImportFileName => "imports",
            Self::StatementReference => "statements",
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountNumber => "number_sealed",
            Self::ApiTokenName | Self::CredentialName => "name_sealed",
            Self::ImportFileName => "file_name_sealed",
            Self::StatementReference => "reference_sealed",
        }
    }
}

/// A text of a sealed column.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredText {
    /// Where it stands.
    pub column: TextColumn,
    /// The row's id.
    pub row: Uuid,
    /// What stands there.
    pub stored: Stored,
}

/// What stands in a sealed column.
#[derive(Clone, PartialEq, Eq)]
pub enum Stored {
    /// The text itself: the row is of a time before the column was sealed.
    Plain(String),
    /// The sealed text, and the version of the key that it is sealed under.
    Sealed(Vec<u8>, i32),
}

impl StoredText {
    /// The text of a row, from its old and its sealed column.
    pub fn of(
        column: TextColumn,
        row: Uuid,
        plain: Option<String>,
        sealed: Option<Vec<u8>>,
        version: Option<i32>,
    ) -> Option<Self> {
        let stored = match (sealed, version, plain) {
            (Some(bytes), Some(version), _) => Stored::Sealed(bytes, version),
            (_, _, Some(text)) => Stored::Plain(text),
            _ => return None,
        };
        Some(Self {
            column,
            row,
            stored,
        })
    }

    /// The row's id, as others name it.
    pub fn id(&self) -> AnyId {
        match self.column {
            TextColumn::AccountNumber => AccountId::new(self.row).into(),
            TextColumn::ApiTokenName => ApiTokenId::new(self.row).into(),
            TextColumn::CredentialName => CredentialId::new(self.row).into(),
            TextColumn::ImportFileName => ImportId::new(self.row).into(),
            TextColumn::StatementReference => StatementId::new(self.row).into(),
        }
    }

    /// What is sealed, and the version of its key; nothing where it is not sealed.
    pub fn sealed(&self) -> Option<(&[u8], i32)> {
        match &self.stored {
            Stored::Sealed(bytes, version) => Some((bytes, *version)),
            Stored::Plain(_) => None,
        }
    }
}

impl fmt::Debug for StoredText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredText")
            .field("column", &self.column)
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Sealed(..) => "Sealed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_print_tells_nothing() {
        let text = StoredText::of(
            TextColumn::AccountNumber,
            Uuid::nil(),
            Some("DE89370400440532013000".to_owned()),
            None,
            None,
        );
        assert!(!format!("{text:?}").contains("DE89"));
    }
}
