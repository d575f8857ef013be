//! `countersign backup restored`: what came back with a backup and should not have, as far as that is known.

use std::path::{Path, PathBuf};

use anyhow::Context;
use countersign_domain::id::TenantId;
use countersign_entities::{
    DatabaseIdentity, LedgerFault, Operator, RecordedRestore, RestoredBackup, Standing,
    TenantRecord,
};

use super::{backup, output};
use crate::{
    backups,
    checkpoints::{self, CheckpointError, CheckpointPlace},
    command::ledger,
    config::Config,
};

#[derive(Debug, clap::Args)]
pub(in crate::command) struct RestoredArgs {
    /// The backup that was restored: its SHA-256 is recorded
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// End every API token: who restores does not know which were revoked after the backup
    #[arg(long)]
    end_tokens: bool,
}

/// What is published of a log, beside the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Published {
    /// Nothing, or what the log is: of as many rows.
    Same(Option<u64>),
    /// Of another log: of as many rows, where its key is the tenant's.
    Other(Option<u64>),
}

impl Published {
    const fn size(self) -> Option<u64> {
        match self {
            Self::Same(size) | Self::Other(size) => size,
        }
    }
}

pub(super) async fn run(arguments: &RestoredArgs, config: &Config) -> anyhow::Result<()> {
    let sha256 = arguments.file.as_deref().map(sha256).transpose()?;
    let database = super::super::database(config).await?;
    database.ready().await?;
    let operator = database.operator();
    let place = ledger::place(config)?;
    let mut tenants = operator.tenants().await?;
    // That its log has the row says that the others have it, and that the sessions ended.
    tenants.sort_by_key(|tenant| tenant.id == TenantId::OPERATOR);
    let mut published = Vec::with_capacity(tenants.len());
    for tenant in &tenants {
        // What can not be read is not passed over: it may be ahead.
        published.push(compared(&operator, tenant.id, place.as_ref()).await?);
    }
    let identity = operator.identity().await?;
    end_sessions(&operator, &identity).await?;
    let mut is_other = false;
    for (tenant, published) in tenants.iter().zip(published) {
        let restored = RestoredBackup {
            database: identity,
            sha256,
            published: published.size(),
            ends_tokens: arguments.end_tokens,
        };
        let recorded = operator.record_restored(tenant.id, &restored).await;
        let recorded = recorded.with_context(|| {
            let slug = &tenant.slug;
            format!("the restore can not be recorded in the log of `{slug}`: run this again")
        })?;
        let standing = operator.standing(tenant.id, &recorded).await?;
        tell(tenant, &recorded, standing, arguments.end_tokens);
        is_other |= tell_published(tenant, &recorded, published);
    }
    advise(is_other);
    database.close().await;
    Ok(())
}

fn sha256(file: &Path) -> anyhow::Result<[u8; 32]> {
    let outside = backups::outside(backup(file)?);
    let outside = outside.with_context(|| format!("`{}` is no backup", file.display()))?;
    Ok(outside.sha256)
}

async fn compared(
    operator: &Operator,
    tenant: TenantId,
    place: Option<&CheckpointPlace>,
) -> Result<Published, CheckpointError> {
    let Some(place) = place else {
        return Ok(Published::Same(None));
    };
    match checkpoints::compare(operator, tenant, place).await {
        Ok(size) => Ok(Published::Same(size)),
        Err(CheckpointError::Contradicted { size }) => Ok(Published::Other(Some(size))),
        Err(CheckpointError::OtherKey | CheckpointError::Ledger(LedgerFault::Unsigned)) => {
            Ok(Published::Other(None))
        }
        Err(error) => Err(error),
    }
}

/// Whoever is signed in signs in again, unless the restore was recorded to its end: sessions are of people who
/// came after it then.
async fn end_sessions(operator: &Operator, identity: &DatabaseIdentity) -> anyhow::Result<()> {
    let before = operator
        .recorded_restore(TenantId::OPERATOR, identity)
        .await?;
    if let Some(before) = before {
        output::line(&format!(
            "this restore was recorded at {}; sessions of after it go on",
            before.at
        ));
        return Ok(());
    }
    let ended = operator.end_every_session().await?;
    output::line(&format!("{ended} sessions ended: people sign in again"));
    Ok(())
}

fn tell(tenant: &TenantRecord, recorded: &RecordedRestore, standing: Standing, ends_tokens: bool) {
    let Standing {
        api_tokens,
        members,
        machines,
        keys,
    } = standing;
    let tokens = if ends_tokens {
        format!("{} API tokens ended", recorded.tokens_ended)
    } else {
        format!("{api_tokens} API tokens are live")
    };
    output::line(&format!(
        "{}: recorded, after {} rows; {tokens}; {members} members, {machines} machines and {keys} keys are there",
        tenant.slug, recorded.end
    ));
}

/// Says what is published and is not of this log; whether something is.
fn tell_published(tenant: &TenantRecord, recorded: &RecordedRestore, published: Published) -> bool {
    let (slug, end) = (&tenant.slug, recorded.end);
    let told = match published {
        Published::Same(_) => return false,
        Published::Other(Some(size)) if size > end => format!(
            "its rows {} to {size} are lost: a checkpoint of {size} rows is published",
            end.saturating_add(1)
        ),
        Published::Other(Some(size)) => {
            format!("what is published of {size} rows is not of these rows")
        }
        Published::Other(None) => "what is published is signed with another key".to_owned(),
    };
    output::line(&format!("{slug}: {told}"));
    true
}

fn advise(is_other: bool) {
    output::line(
        "what was ended after the backup is there again. Revoke API tokens (`--end-tokens` ends them all) and \
         remove members in the app; destroy the keys of tenants whose keys were destroyed by `countersign keys \
         destroy`",
    );
    if is_other {
        output::line(
            "checkpoints begin anew in another place: name another folder in `audit.checkpoints`, or another \
             `prefix` in `audit.bucket`, and keep the one that was, which proves what is lost. Until then nothing \
             is published of these logs, and `countersign ledger verify` finds them at fault",
        );
    }
}
