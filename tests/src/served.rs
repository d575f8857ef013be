//! The server in a process of its own, which a test may kill.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use countersign_stand::{
    postgres::free_port,
    process::{self, Process},
};

/// The server's process; ended when dropped.
#[derive(Debug)]
pub struct Served {
    program: PathBuf,
    config: PathBuf,
    ports: [u16; 2],
    process: Process,
}

impl Served {
    /// Starts `program` with a configuration, which is written to `config`, on ports of its own.
    pub fn start(program: &Path, config: &Path, toml: &str) -> Self {
        let port = || free_port().unwrap_or_else(|error| panic!("{error:?}"));
        let ports = [port(), port()];
        // The public one comes first.
        let toml = ports.into_iter().fold(toml.to_owned(), |toml, port| {
            toml.replacen("\"127.0.0.1:0\"", &format!("\"127.0.0.1:{port}\""), 1)
        });
        fs::write(config, toml).unwrap_or_else(|error| panic!("{error}"));
        Self {
            program: program.to_owned(),
            config: config.to_owned(),
            ports,
            process: spawn(program, config),
        }
    }

    /// Its address, the same after it was killed.
    pub fn url(&self) -> String {
        let [public, _] = self.ports;
        format!("http://127.0.0.1:{public}")
    }

    /// Kills it as no program can prepare for (SIGKILL), and starts it again.
    pub fn kill(&mut self) {
        self.process.kill();
        self.process = spawn(&self.program, &self.config);
    }

    /// Tells it to stop (SIGTERM), and whether it ended in time.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        process::send(self.process.id(), "TERM");
        let deadline = Instant::now() + time;
        while self.process.is_running() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        !self.process.is_running()
    }

    /// Waits until its books are open.
    pub async fn ready(&mut self, http: &reqwest::Client) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let [_, management] = self.ports;
        let url = format!("http://127.0.0.1:{management}/readyz");
        loop {
            let asked = http.get(&url).send().await;
            if asked.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            let log = fs::read_to_string(self.config.with_extension("log"));
            let may_come = self.process.is_running() && Instant::now() < deadline;
            assert!(may_come, "no server: {}", log.unwrap_or_default());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn spawn(program: &Path, config: &Path) -> Process {
    let mut command = Command::new(program);
    command.arg("--config").arg(config).arg("serve");
    let spawned = Process::spawn(&mut command, &config.with_extension("log"), "TERM");
    spawned.unwrap_or_else(|error| panic!("{error:?}"))
}
