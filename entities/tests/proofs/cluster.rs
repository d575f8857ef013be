//! The PostgreSQL of these proofs: a private one, or that of `COUNTERSIGN_TEST_ADMIN_URL`, where the
//! product's roles are missing, or have their names as passwords.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use countersign_migrations::{RolePasswords, migrate};
use countersign_stand::postgres::{self, ClusterOptions};
use rcgen::CertifiedKey;
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

pub(crate) struct Cluster {
    /// `None` where it is somebody else's.
    own: Option<postgres::Cluster>,
    /// The superuser's URL, up to the name of the database.
    admin: String,
}

/// The cluster that the proofs share, each with databases of its own.
pub(crate) fn shared() -> Arc<Cluster> {
    static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "tests are configured by the environment"
        )]
        let given = std::env::var("COUNTERSIGN_TEST_ADMIN_URL").ok();
        let admin = given.unwrap_or_else(|| postgres::Cluster::shared().admin_url(""));
        let (server, _) = admin.rsplit_once('/').unwrap();
        Arc::new(Cluster {
            own: None,
            admin: format!("{server}/"),
        })
    });
    Arc::clone(cluster)
}

/// A new database with every migration applied.
pub(crate) async fn database() -> String {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let template = TEMPLATE
        .get_or_init(|| async {
            let name = shared().create(None).await;
            let url = shared().url(&name, "postgres");
            migrate(&url, passwords()).await.unwrap();
            name
        })
        .await;
    shared().create(Some(template)).await
}

/// Every role's password is its name.
pub(crate) fn passwords() -> RolePasswords {
    RolePasswords {
        entry: Some("countersign_entry".into()),
        books: Some("countersign_books".into()),
        ..RolePasswords::default()
    }
}

/// A command that runs as `postgres`, because `PgBouncer` refuses root.
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

/// A new folder that `postgres` owns.
pub(crate) fn folder() -> PathBuf {
    let made = as_postgres("mktemp")
        .args(["-d", "-t", "countersign.XXXXXX"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
}

/// Runs `script` as `postgres`. Its standard input ends when this process is gone.
pub(crate) fn run_with_us(script: &str) -> Child {
    as_postgres("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Cluster {
    /// One of its own, for a proof that kills it.
    pub(crate) fn start() -> Self {
        let options = ClusterOptions {
            data_dir: folder().join("data"),
            port: None,
            // What was committed must outlive the crash.
            durable: true,
        };
        let own = postgres::Cluster::start(&options).unwrap();
        Self {
            admin: own.admin_url(""),
            own: Some(own),
        }
    }

    /// Ends the server as a crash would.
    pub(crate) fn kill(&self) {
        self.own.as_ref().unwrap().kill();
    }

    /// What the server has said.
    pub(crate) fn log(&self) -> String {
        self.own.as_ref().unwrap().log()
    }

    pub(crate) fn start_again(&self) {
        self.own.as_ref().unwrap().restart().unwrap();
    }

    /// Lets `role` in over TLS with a password only, and returns the certificate to trust. The server
    /// calls itself `localhost`.
    pub(crate) async fn secure(&self, role: &str) -> PathBuf {
        let data = self.own.as_ref().unwrap().data_dir();
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let rules = fs::read_to_string(data.join("pg_hba.conf")).unwrap();
        let rules =
            format!("hostssl all {role} all scram-sha-256\nhost all {role} all reject\n{rules}");
        for (name, content) in [
            ("server.crt", cert.pem()),
            ("server.key", signing_key.serialize_pem()),
            ("pg_hba.conf", rules),
        ] {
            let path = data.join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let mut give = Command::new("chown");
            give.arg("--reference").arg(data).arg(&path);
            assert!(give.status().unwrap().success());
        }
        let mut admin = PgConnection::connect(&format!("{}postgres", self.admin))
            .await
            .unwrap();
        admin.execute("ALTER SYSTEM SET ssl = on").await.unwrap();
        admin.execute("SELECT pg_reload_conf()").await.unwrap();
        data.join("server.crt")
    }

    /// Host and port.
    pub(crate) fn address(&self) -> (&str, &str) {
        let (_, address) = self.admin.rsplit_once('@').unwrap();
        address.trim_end_matches('/').rsplit_once(':').unwrap()
    }

    /// The URL of a database for a role.
    pub(crate) fn url(&self, database: &str, role: &str) -> SecretString {
        if role == "postgres" {
            return format!("{}{database}", self.admin).into();
        }
        let (host, port) = self.address();
        format!("postgres://{role}:{role}@{host}:{port}/{database}").into()
    }

    pub(crate) async fn create(&self, template: Option<&str>) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("cst_{}_{number}", std::process::id());
        let template = template.unwrap_or("template0");
        let admin = format!("{}postgres", self.admin);
        let mut admin = PgConnection::connect(&admin).await.unwrap();
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        admin.execute(AssertSqlSafe(sql)).await.unwrap();
        name
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            own.kill();
            if let Some(folder) = own.data_dir().parent() {
                let _ = fs::remove_dir_all(folder);
            }
        }
    }
}
