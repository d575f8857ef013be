//! `countersign doctor`.

use std::{process::ExitCode, sync::Arc};

use countersign_entities::{Clock, SystemClock};

use super::output;
use crate::{config::Config, doctor};

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let database = super::database(&config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let findings = doctor::examine(&config, &database, &clock).await?;
    database.close().await;
    output::line("ok      configuration");
    for finding in &findings {
        let (verdict, said) = match (&finding.fault, &finding.warning) {
            (None, None) => {
                let told = finding.told.as_ref().map(|told| format!(": {told}"));
                let told = told.unwrap_or_default();
                output::line(&format!("ok      {}{told}", finding.what));
                continue;
            }
            (Some(fault), _) => ("FAILED", fault),
            (None, Some(warning)) => ("warning", warning),
        };
        output::line(&format!("{verdict:7} {}: {said}", finding.what));
        output::line(&format!("        {}", finding.advice));
    }
    Ok(if findings.iter().all(|finding| finding.fault.is_none()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
