//! One PostgreSQL for the test process, one database for each test.

use std::sync::atomic::{AtomicU64, Ordering};

use countersign_migrations::RolePasswords;
use countersign_stand::postgres::Cluster;
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

/// The database that each test's is copied from.
const TEMPLATE: &str = "countersign_template";

static READY: OnceCell<()> = OnceCell::const_new();
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The cluster of this process, started at its first use and stopped with the process.
pub fn cluster() -> &'static Cluster {
    Cluster::shared()
}

/// A migrated database of one test.
#[derive(Debug)]
pub struct TestDatabase {
    /// Its name.
    pub name: String,
}

impl TestDatabase {
    /// Copies the template.
    pub async fn create() -> Self {
        READY.get_or_init(prepare).await;
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{n}");
        admin(&format!(
            "CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy"
        ))
        .await;
        Self { name }
    }

    /// An address for one of the product's roles.
    pub fn url(&self, role: &str) -> String {
        format!(
            "postgres://{role}:{role}@127.0.0.1:{}/{}",
            cluster().port(),
            self.name
        )
    }

    /// A connection as the superuser, for what no role of the product may do.
    pub async fn superuser(&self) -> PgConnection {
        let url = cluster().admin_url(&self.name);
        PgConnection::connect(&url)
            .await
            .unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// How many rows of that action the logs of all tenants have.
    pub async fn logged(&self, action: &str) -> i64 {
        let sql = "SELECT count(*) FROM countersign.audit_entries WHERE action = $1";
        let mut superuser = self.superuser().await;
        let counted = sqlx::query_scalar(sql).bind(action);
        let counted = counted.fetch_one(&mut superuser).await;
        counted.unwrap_or_else(|error| panic!("{error}"))
    }
}

async fn prepare() {
    admin(&format!("CREATE DATABASE {TEMPLATE}")).await;
    let owner = SecretString::from(cluster().admin_url(TEMPLATE));
    let passwords = RolePasswords {
        entry: Some("countersign_entry".into()),
        books: Some("countersign_books".into()),
        ..RolePasswords::default()
    };
    countersign_migrations::migrate(&owner, passwords)
        .await
        .unwrap_or_else(|error| panic!("the template does not migrate: {error:?}"));
}

async fn admin(sql: &str) {
    let url = cluster().admin_url("postgres");
    let mut connection = PgConnection::connect(&url)
        .await
        .unwrap_or_else(|error| panic!("{url}: {error}"));
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}
