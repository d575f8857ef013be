//! Where checkpoints of audit chains are published.

use std::sync::Arc;

use countersign_entities::Clock;

use super::Findings;
use crate::{aws::Machine, causes::with_causes, checkpoints, config::Config};

/// Whether checkpoints can be published to the place that is named for them.
pub(super) async fn check(config: &Config, clock: &Arc<dyn Clock>, findings: &mut Findings) {
    let machine = Machine::new(&config.aws, clock);
    let found = match checkpoints::place(&config.audit, &machine, clock) {
        Ok(None) => return,
        Ok(Some(place)) => place.probe().await,
        Err(error) => Err(error),
    };
    let found = found.map_err(|error| with_causes(&error));
    let advice = "let the server write, read and replace files in the folder of `audit.checkpoints`, or put, get and list \
         objects in `audit.bucket`: until then it publishes no checkpoint";
    findings.note("place of checkpoints", found, advice);
}
