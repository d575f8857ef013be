//! `countersign serve`.

use std::{process::ExitCode, sync::Arc};

use countersign_entities::{SystemClock, SystemIds};

use crate::{
    config::Config,
    server::Server,
    telemetry::{self, Exports},
};

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let exports = Exports::new(&config.sentry, &config.traces)?;
    telemetry::init(&config.log, &exports);
    let server = Server::build(config, Arc::new(SystemClock), Arc::new(SystemIds)).await?;
    let ended = server.run_until_stopped().await;
    // It waits for the collector, which the runtime sends to.
    tokio::task::spawn_blocking(move || exports.flush()).await?;
    ended?;
    Ok(ExitCode::SUCCESS)
}
