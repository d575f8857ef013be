//! What the operator's own log has of backups.

use chrono::NaiveDate;
use countersign_domain::{audit::Facts, id::TenantId};

use super::{Operator, OperatorError};

/// A backup that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeBackup {
    /// SHA-256 of its file.
    pub sha256: [u8; 32],
    /// How many bytes the file has.
    pub bytes: u64,
    /// SHA-256 of the public key that it is encrypted to.
    pub key: [u8; 32],
    /// The first day of that key.
    pub since: NaiveDate,
}

impl Operator {
    /// Records a backup that a command made. Returns when the row is durable.
    pub async fn record_backup(
        &self,
        command: &'static str,
        made: &MadeBackup,
    ) -> Result<(), OperatorError> {
        let facts = Facts::new()
            .sha256("sha256", &made.sha256)
            .count("bytes", made.bytes)
            .sha256("key", &made.key)
            .day("since", Some(made.since));
        let tenant = TenantId::OPERATOR;
        let wire = self.books(tenant).await?;
        let done = (command, "backup.created");
        self.commit(wire, tenant, done, tenant.into(), facts.into())
            .await
    }
}
