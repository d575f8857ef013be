//! A PostgreSQL of one test, which may kill it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use countersign_migrations::{RolePasswords, migrate};
use countersign_stand::{
    postgres::{Cluster, ClusterOptions},
    small_disk::SmallDisk,
};
use secrecy::SecretString;
use sqlx::{Connection, PgConnection};

/// A migrated cluster that a test may kill; its files go with it.
#[derive(Debug)]
pub struct Mortal {
    /// The cluster.
    pub cluster: Cluster,
    folder: PathBuf,
    disk: Option<SmallDisk>,
}

impl Mortal {
    /// Starts one; what it acknowledges outlives a crash.
    pub async fn start(name: &str) -> Self {
        let folder = folder(name);
        let data = folder.join("data");
        Self::start_in(folder, &data, None).await
    }

    /// Starts one on a disk of that many mebibytes.
    pub async fn on_small_disk(name: &str, mebibytes: u32) -> Self {
        let folder = folder(name);
        let disk = SmallDisk::mount(&folder.join("disk"), mebibytes);
        let disk = disk.unwrap_or_else(|error| panic!("no small disk: {error:?}"));
        let data = disk.path().join("data");
        Self::start_in(folder, &data, Some(disk)).await
    }

    async fn start_in(folder: PathBuf, data: &Path, disk: Option<SmallDisk>) -> Self {
        let options = ClusterOptions {
            data_dir: data.to_owned(),
            port: None,
            durable: true,
        };
        let cluster = Cluster::start(&options);
        let cluster = cluster.unwrap_or_else(|error| panic!("no PostgreSQL: {error:?}"));
        let owner = SecretString::from(cluster.admin_url("postgres"));
        let passwords = RolePasswords {
            entry: Some("countersign_entry".into()),
            books: Some("countersign_books".into()),
            ..RolePasswords::default()
        };
        let migrated = migrate(&owner, passwords).await;
        migrated.unwrap_or_else(|error| panic!("it does not migrate: {error:?}"));
        Self {
            cluster,
            folder,
            disk,
        }
    }

    /// A connection as the superuser.
    pub async fn superuser(&self) -> PgConnection {
        let url = self.cluster.admin_url("postgres");
        let connected = PgConnection::connect(&url).await;
        connected.unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// The disk that it was started on.
    pub fn disk(&self) -> &SmallDisk {
        let disk = self.disk.as_ref();
        disk.unwrap_or_else(|| panic!("it has all the disk that there is"))
    }

    /// A product's configuration, with its database here.
    pub fn configuration(&self, toml: &str) -> String {
        let port = self.cluster.port();
        let lines = toml.lines().map(|line| match line.split_once(" = ") {
            Some((key @ ("entry_url" | "books_url"), _)) => {
                let role = key.replace("_url", "");
                let role = format!("countersign_{role}");
                format!("{key} = \"postgres://{role}:{role}@127.0.0.1:{port}/postgres\"\n")
            }
            _ => format!("{line}\n"),
        });
        lines.collect()
    }
}

/// Removed with the test's process, should that end before the test.
fn folder(name: &str) -> PathBuf {
    let folder = format!("countersign-test-{}-{name}", std::process::id());
    std::env::temp_dir().join(folder)
}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.cluster.kill();
        drop(self.disk.take());
        let _ = fs::remove_dir_all(&self.folder);
    }
}
