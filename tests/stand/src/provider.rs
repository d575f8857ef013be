//! A real OpenID provider: npm `oidc-provider`, which is certified, run by Node.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::packages;

/// A provider that runs; it ends when dropped, or when this process is gone, because it watches its
/// standard input.
#[derive(Debug)]
pub struct Provider {
    child: Child,
    /// Held open: the provider exits when it closes.
    _input: ChildStdin,
    port: u16,
}

/// The folder of the provider's program.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("provider")
}

impl Provider {
    /// Starts a provider with the settings that `server.mjs` documents, and waits until it
    /// listens. Its packages are installed where that was not done before.
    pub fn start(settings: &Value, log: &Path) -> anyhow::Result<Self> {
        packages::install(&folder())?;
        let log = fs::File::options().create(true).append(true).open(log)?;
        let mut child = Command::new("node")
            .arg("server.mjs")
            .current_dir(folder())
            .env("NODE_NO_WARNINGS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("Node.js 20 or newer is needed: install it first")?;
        let mut input = child.stdin.take().context("the provider has no input")?;
        let output = child.stdout.take().context("the provider has no output")?;
        writeln!(input, "{settings}")?;
        let mut lines = BufReader::new(output).lines();
        // Warnings of the library's come first.
        let port = loop {
            let Some(line) = lines.next() else {
                bail!("the provider did not start: see its log")
            };
            let ready: Value = serde_json::from_str(&line?).unwrap_or_default();
            if let Some(port) = ready.get("port").and_then(Value::as_u64) {
                break u16::try_from(port)?;
            }
        };
        // A full pipe would block the provider.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self {
            child,
            _input: input,
            port,
        })
    }

    /// The port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it.
    pub fn stop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
    }
}
