//! PgBouncer in transaction mode before a private cluster, as operators of PostgreSQL run it: every
//! transaction may get another server connection, which another tenant had a moment ago.

use std::{
    env, fs,
    net::TcpStream,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::{
    postgres::{Cluster, free_port},
    process::{self, Process},
};

/// The product's roles, which a client may come as, and on to PostgreSQL. Tests' passwords of them are
/// their names.
const ROLES: [&str; 3] = [
    "countersign_owner",
    "countersign_entry",
    "countersign_books",
];

/// A pooler that runs; it is stopped, and its files removed, when dropped.
#[derive(Debug)]
pub struct PgBouncer {
    folder: PathBuf,
    port: u16,
    process: Process,
}

impl PgBouncer {
    /// Starts a pooler before every database of `cluster`, with at most `pool_size` server
    /// connections for each pair of role and database, and waits until it listens.
    pub fn start(cluster: &Cluster, pool_size: u32) -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let program = program().context(
            "there is no PgBouncer on this machine: install it (Debian: `apt-get install \
             pgbouncer`)",
        )?;
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-test-{}-pooler-{n}", std::process::id());
        let folder = env::temp_dir().join(name);
        let port = free_port()?;
        let configuration = configure(&folder, cluster.port(), port, pool_size)
            .with_context(|| format!("`{}` can not be written", folder.display()))?;
        let mut command = process::unprivileged(&program);
        command.arg(configuration);
        // SIGINT lets transactions end first; here nobody is waited for.
        let process = Process::spawn(&mut command, &folder.join("log"), "TERM")?;
        let mut pooler = Self {
            folder,
            port,
            process,
        };
        pooler.wait_until_ready()?;
        Ok(pooler)
    }

    /// The address of a database for a role of the product, whose password is its name.
    pub fn url(&self, database: &str, role: &str) -> String {
        format!(
            "postgres://{role}:{role}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// The port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if !self.process.is_running() || Instant::now() > deadline {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                bail!(
                    "PgBouncer did not start on port {}: {}",
                    self.port,
                    log.trim()
                );
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.process.stop();
        // What is left of it is in the folder of temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Writes the files that it reads, for whoever it runs as. Nothing in them is a secret.
fn configure(
    folder: &Path,
    cluster_port: u16,
    port: u16,
    pool_size: u32,
) -> std::io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let users: String = ROLES
        .map(|role| format!("\"{role}\" \"{role}\"\n"))
        .concat();
    let users_file = folder.join("users.txt");
    fs::write(&users_file, users)?;
    let configuration = folder.join("pgbouncer.ini");
    let text = format!(
        "[databases]\n* = host=127.0.0.1 port={cluster_port}\n\n[pgbouncer]\n\
         listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\n\
         default_pool_size = {pool_size}\nmax_client_conn = 200\nquery_wait_timeout = 10\n\
         server_login_retry = 1\n",
        users_file.display()
    );
    fs::write(&configuration, text)?;
    Ok(configuration)
}

/// Debian keeps it where no user's path leads.
fn program() -> Option<PathBuf> {
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("pgbouncer"))
        .find(|program| program.exists())
}
