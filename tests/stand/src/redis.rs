//! A real Redis on loopback, without a file.

use std::{
    net::TcpStream,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;

use crate::{postgres::free_port, process::Process};

/// A Redis that runs; it ends when dropped.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
}

impl Redis {
    /// Starts it on a free port, and waits until it listens.
    pub fn start(log: &Path) -> anyhow::Result<Self> {
        Self::start_with(log, |port| vec!["--port".to_owned(), port.to_string()])
    }

    /// The same with secured transport alone, by this certificate and key.
    pub fn start_secured(log: &Path, certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let settings = |port: u16| {
            let port = port.to_string();
            let file = |path: &Path| path.display().to_string();
            [
                ("--port", "0".to_owned()),
                ("--tls-port", port),
                ("--tls-cert-file", file(certificate)),
                ("--tls-key-file", file(key)),
                ("--tls-auth-clients", "no".to_owned()),
            ]
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
        };
        Self::start_with(log, settings)
    }

    fn start_with(log: &Path, settings: impl FnOnce(u16) -> Vec<String>) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(settings(port));
        let mut process = Process::spawn(&mut command, log, "TERM")?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if !process.is_running() || Instant::now() > deadline {
                bail!("redis did not start: see `{}`", log.display());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { process, port })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its address where its transport is secured; the certificate must be `localhost`'s.
    pub fn secured_url(&self) -> String {
        format!("rediss://localhost:{}", self.port)
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.process.stop();
    }
}
