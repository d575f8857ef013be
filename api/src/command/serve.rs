//! `countersign serve`.

use std::{process::ExitCode, sync::Arc};

use countersign_entities::{SystemClock, SystemIds};

use crate::{config::Config, server::Server, telemetry};

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::init(&config.log, &config.sentry)?;
    let server = Server::build(config, Arc::new(SystemClock), Arc::new(SystemIds)).await?;
    server.run_until_stopped().await?;
    Ok(ExitCode::SUCCESS)
}
