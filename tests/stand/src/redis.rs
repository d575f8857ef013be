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
        let port = free_port()?;
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &port.to_string()]);
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

    /// Ends it.
    pub fn stop(&mut self) {
        self.process.stop();
    }
}
