//! The witness of the audit log outside of the database: where checkpoints are published, and what stands there.

use std::sync::Arc;

use countersign_entities::{Clock, Database, LedgerFault};

use super::Findings;
use crate::{
    aws::Machine,
    causes::with_causes,
    checkpoints::{self, CheckpointError, CheckpointPlace},
    config::Config,
};

/// Whether there is one, checkpoints can be published to it, and what it has is of this database's chains.
pub(super) async fn check(
    config: &Config,
    database: &Database,
    clock: &Arc<dyn Clock>,
    findings: &mut Findings,
) {
    let what = "witness of the audit log outside of the database";
    let machine = Machine::new(&config.aws, clock);
    let place = match checkpoints::place(&config.audit, &machine, clock) {
        Ok(None) => {
            let warning =
                "there is none: whoever has the database can cut the chains off at their ends";
            let advice = "name a place that the database's administrator can not write in `audit.checkpoints` or \
                 `audit.bucket`";
            findings.warn(what, Some(warning), advice);
            return;
        }
        Ok(Some(place)) => {
            let probed = place.probe().await;
            probed.map(|()| place)
        }
        Err(error) => Err(error),
    };
    let place = place.map_err(|error| with_causes(&error));
    let advice = "let the server write, read and replace files in the folder of `audit.checkpoints`, or put, get and list \
         objects in `audit.bucket`: until then it publishes no checkpoint";
    let Some(place) = findings.note("place of checkpoints", place, advice) else {
        return;
    };
    let advice = "see what `countersign ledger verify` says of every tenant, and whether a backup was restored";
    findings.note(what, agrees(database, &place).await, advice);
}

/// Whether the newest that is published of each chain is of that chain. A database that does not answer is a
/// finding of its own.
async fn agrees(database: &Database, place: &CheckpointPlace) -> Result<(), String> {
    let operator = database.operator();
    let Ok(tenants) = operator.tenants().await else {
        return Ok(());
    };
    for tenant in tenants {
        match checkpoints::compare(&operator, tenant.id, place).await {
            Ok(_) | Err(CheckpointError::Ledger(LedgerFault::Store(_))) => {}
            Err(error) => return Err(format!("{}: {}", tenant.slug, with_causes(&error))),
        }
    }
    Ok(())
}
