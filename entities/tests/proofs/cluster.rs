//! A private PostgreSQL in a temporary folder, without durability, on a Unix socket. It is stopped
//! when this process ends, however it ends: a watcher waits for the end of a pipe.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use countersign_migrations::{RolePasswords, migrate};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

const BINARIES: &str = "/usr/lib/postgresql/15/bin";

pub(crate) struct Cluster {
    folder: PathBuf,
    /// `Some` unless the cluster is somebody else's.
    _watcher: Option<Child>,
    admin: String,
}

/// The cluster that the tests share, each with databases of its own.
pub(crate) fn shared() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "tests are configured by the environment"
        )]
        let given = std::env::var("COUNTERSIGN_TEST_ADMIN_URL").ok();
        given.map_or_else(Cluster::start, |admin| Cluster {
            folder: PathBuf::new(),
            _watcher: None,
            admin,
        })
    })
}

/// A new database with every migration applied.
pub(crate) async fn database() -> String {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let template = TEMPLATE
        .get_or_init(|| async {
            let name = shared().create(None).await;
            let url = shared().url(&name, "postgres");
            migrate(&url, RolePasswords::default()).await.unwrap();
            name
        })
        .await;
    shared().create(Some(template)).await
}

/// A command that runs as `postgres`, because PostgreSQL and PgBouncer refuse root.
pub(crate) fn as_postgres(program: &str) -> Command {
    let me = Command::new("id").arg("-u").output().unwrap();
    if me.stdout.starts_with(b"0\n") {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            program,
        ]);
        command.current_dir("/");
        command
    } else {
        Command::new(program)
    }
}

/// A new folder that `postgres` owns. Short, because the path of a socket has at most 107 bytes.
pub(crate) fn folder() -> PathBuf {
    let made = as_postgres("mktemp")
        .args(["-d", "/tmp/cst.XXXXXX"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
}

/// Runs `last` as `postgres` when this process is gone.
pub(crate) fn watch(last: &str) -> Child {
    as_postgres("sh")
        .args(["-c", &format!("read _; {last}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let folder = folder();
        let data = folder.join("data");
        run(as_postgres(&format!("{BINARIES}/initdb"))
            .arg("-D")
            .arg(&data)
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ]));
        let watcher = watch(&format!(
            "{BINARIES}/pg_ctl stop -m immediate -D {0}/data; rm -rf {0}",
            folder.display()
        ));
        let admin = socket_url(&folder, "postgres", "postgres");
        let cluster = Self {
            folder,
            _watcher: Some(watcher),
            admin,
        };
        cluster.pg_ctl(&["start", "-w"]);
        cluster
    }

    /// Stops the server as if the machine had lost its power.
    pub(crate) fn kill(&self) {
        self.pg_ctl(&["stop", "-m", "immediate"]);
    }

    pub(crate) fn start_again(&self) {
        self.pg_ctl(&["start", "-w"]);
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn pg_ctl(&self, verb: &[&str]) {
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories={} -c fsync=off \
             -c full_page_writes=off -c max_connections=200 -c shared_buffers=32MB",
            self.folder.display()
        );
        run(as_postgres(&format!("{BINARIES}/pg_ctl"))
            .args(verb)
            .arg("-D")
            .arg(self.folder.join("data"))
            .arg("-l")
            .arg(self.folder.join("server.log"))
            .args(["-o", &options]));
    }

    /// The URL of a database for a role.
    pub(crate) fn url(&self, database: &str, role: &str) -> SecretString {
        if self.folder.as_os_str().is_empty() {
            let (server, _) = self.admin.rsplit_once('/').unwrap();
            let (_, host) = server.rsplit_once('@').unwrap_or(("", server));
            return match role {
                "postgres" => format!("{server}/{database}").into(),
                role => format!("postgres://{role}@{host}/{database}").into(),
            };
        }
        socket_url(&self.folder, database, role).into()
    }

    pub(crate) async fn create(&self, template: Option<&str>) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("cst_{}_{number}", std::process::id());
        let template = template.unwrap_or("template0");
        let mut admin = PgConnection::connect(&self.admin).await.unwrap();
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        admin.execute(AssertSqlSafe(sql)).await.unwrap();
        name
    }
}

fn socket_url(folder: &Path, database: &str, role: &str) -> String {
    format!(
        "postgres:///{database}?host={}&user={role}",
        folder.display()
    )
}

fn run(command: &mut Command) {
    // Not a pipe: the server would inherit it, and its end would never be seen.
    let log = std::env::temp_dir().join(format!("cst-command-{}.log", std::process::id()));
    let output = fs::File::create(&log).unwrap();
    let status = command
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .status()
        .unwrap();
    let said = fs::read_to_string(&log).unwrap_or_default();
    let _ = fs::remove_file(&log);
    assert!(status.success(), "{command:?}: {said}");
}
