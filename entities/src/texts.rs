//! Sealed columns: personal data and metadata of the books that nobody searches (VLT-5).
//!
//! A store returns such a text as it stands. It is opened for who may read its field, and not before.

use countersign_domain::{
    audit::{Facts, Outcome},
    id::TenantId,
    sealed::{Stored, StoredText, TextColumn},
};
use countersign_policies::Resolved;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    audit::EventDraft,
    context::RequestContext,
    database::Database,
    error::StoreError,
    keys::{Keys, Purpose},
    seal::Place,
};

/// What opening a text came to.
#[derive(Clone, PartialEq, Eq)]
pub enum Text {
    /// The text.
    Open(String),
    /// What it was sealed under is destroyed, and with it the text.
    Destroyed,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "Open",
            Self::Destroyed => "Destroyed",
        })
    }
}

impl Keys {
    pub(crate) async fn seal_text(
        &self,
        tenant: TenantId,
        column: TextColumn,
        row: Uuid,
        text: &str,
    ) -> Result<StoredText, StoreError> {
        let place = place(tenant, column, &row);
        let (sealed, version) = self.seal(Purpose::Columns, &place, text.as_bytes()).await?;
        Ok(StoredText {
            column,
            row,
            stored: Stored::Sealed(sealed, version),
        })
    }

    pub(crate) async fn open_text(
        &self,
        tenant: TenantId,
        text: &StoredText,
    ) -> Result<Zeroizing<String>, StoreError> {
        let sealed = match &text.stored {
            Stored::Plain(text) => return Ok(Zeroizing::new(text.clone())),
            Stored::Sealed(sealed, _) => sealed,
        };
        let place = place(tenant, text.column, &text.row);
        let opened = self.open(Purpose::Columns, &place, sealed).await?;
        let opened = str::from_utf8(&opened).map_err(|_| StoreError::Sealed)?;
        Ok(Zeroizing::new(opened.to_owned()))
    }
}

impl Database {
    /// Seals a text for a column of a row of the tenant.
    pub async fn seal_text(
        &self,
        tenant: TenantId,
        column: TextColumn,
        row: Uuid,
        text: &str,
    ) -> Result<StoredText, StoreError> {
        self.inner().keys.seal_text(tenant, column, row, text).await
    }

    /// Opens a text of the tenant that the request is in. One that does not open, because somebody
    /// changed or moved it, is recorded and is an error.
    pub async fn open_text(
        &self,
        context: &RequestContext,
        text: &StoredText,
    ) -> Result<Text, StoreError> {
        let opened = self.inner().keys.open_text(context.tenant(), text).await;
        match opened {
            Ok(text) => Ok(Text::Open(text.to_string())),
            Err(StoreError::KeyDestroyed) => Ok(Text::Destroyed),
            Err(StoreError::Sealed) => {
                let (table, column) = (text.column.table(), text.column.name());
                tracing::error!(table, column, row = %text.row, "a sealed text does not open");
                let facts = Facts::new().word("reason", "does not open");
                let draft = EventDraft {
                    action: "text.opened",
                    permission: Resolved::beside_policies("sealed column"),
                    outcome: Outcome::Failed,
                    targets: vec![text.id()],
                    payload: facts.word("table", table).word("column", column).into(),
                };
                self.record(context, draft).await?;
                Err(StoreError::Sealed)
            }
            Err(error) => Err(error),
        }
    }

    /// What a text of a column is found by in this tenant, without telling it: equal texts have equal
    /// indexes.
    pub async fn blind_index(
        &self,
        tenant: TenantId,
        column: TextColumn,
        text: &str,
    ) -> Result<[u8; 32], StoreError> {
        self.inner().keys.index(tenant, column.name(), text).await
    }
}

fn place(tenant: TenantId, column: TextColumn, row: &Uuid) -> Place<'_> {
    Place {
        tenant,
        table: column.table(),
        column: column.name(),
        row: row.as_bytes(),
    }
}
