//! Backups, by the operator's commands and a real PostgreSQL: encrypted with another key set, which is rotated
//! quarterly (VLT-4).

mod making;
mod opening;
mod quarters;
mod restoring;

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use chrono::{Days, NaiveDate, Utc};
use countersign_stand::postgres;
use countersign_tests::{TestApp, TestDatabase, cluster, configuration};

/// What files of age begin with.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// Where an operator works: a folder with a configuration, and files.
struct Desk {
    folder: PathBuf,
    database: String,
}

/// What a command said, and how it ended.
struct Ended {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Ended {
    fn said(&self) -> String {
        format!("{}{}", String::from_utf8_lossy(&self.stdout), self.stderr)
    }
}

/// Some days from today; before it where below 0.
#[expect(clippy::disallowed_methods, reason = "commands live in real time")]
fn day(from_today: i64) -> NaiveDate {
    let (today, days) = (
        Utc::now().date_naive(),
        Days::new(from_today.unsigned_abs()),
    );
    let day = if from_today < 0 {
        today.checked_sub_days(days)
    } else {
        today.checked_add_days(days)
    };
    day.unwrap()
}

/// A program of PostgreSQL's own.
fn program(name: &str) -> PathBuf {
    postgres::client(name).unwrap()
}

impl Desk {
    /// Of a database, with a key of today: its secret half is in `backups.key`.
    fn of(app: &TestApp) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-test-{}-backups-{n}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let desk = Self {
            folder,
            database: app.test_database.name.clone(),
        };
        let key = desk.key("backups.key");
        desk.configure(&[(&key, day(0))]);
        desk
    }

    /// Makes a pair by the command; the public key.
    fn key(&self, name: &str) -> String {
        let said = self.done(&["backup", "key", "--out", name]);
        let recipient = said.lines().next().unwrap().to_owned();
        assert!(recipient.starts_with("age1"), "{said}");
        recipient
    }

    fn configure(&self, keys: &[(&str, NaiveDate)]) {
        self.configure_with(keys, &self.owner_url(), &program("pg_dump"));
    }

    fn owner_url(&self) -> String {
        cluster().admin_url(&self.database)
    }

    fn configure_with(&self, keys: &[(&str, NaiveDate)], owner_url: &str, pg_dump: &Path) {
        let keys = keys.iter().map(|(recipient, since)| {
            format!("{{ recipient = \"{recipient}\", since = \"{since}\" }}")
        });
        let keys = keys.collect::<Vec<_>>().join(", ");
        let database = TestDatabase {
            name: self.database.clone(),
        };
        let toml = configuration(&database);
        let owner = format!("[database]\nowner_url = \"{owner_url}\"\n");
        let toml = toml.replace("[database]\n", &owner);
        let toml = format!(
            "{toml}[backups]\nkeys = [{keys}]\npg_dump = \"{}\"\n",
            pg_dump.display()
        );
        self.put("countersign.toml", toml.as_bytes());
    }

    /// Puts a program of a test's own in the place of `pg_dump`.
    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.put(name, format!("#!/bin/sh\n{text}").as_bytes());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    fn put(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn get(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap()
    }

    /// The names of all files in the folder, hidden ones included.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().display().to_string());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn run_with(&self, arguments: &[&str], given: &[u8]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-under-test"));
        command.args(arguments).current_dir(&self.folder);
        run(&mut command, given)
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, b"")
    }

    fn done(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{}", ended.said());
        ended.said()
    }

    /// A command that fails, says why in words, and leaves nothing.
    fn refused(&self, arguments: &[&str]) -> String {
        let before = self.names();
        let ended = self.run(arguments);
        assert_eq!(ended.code, 1, "{}", ended.said());
        assert_eq!(self.names(), before, "{arguments:?} left something");
        assert!(!ended.said().contains("panicked"), "{}", ended.said());
        ended.stderr
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Runs a program with that on its standard input.
fn run(command: &mut Command, given: &[u8]) -> Ended {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let given = given.to_vec();
    // Whoever refuses does not read.
    let writer = std::thread::spawn(move || input.write_all(&given).is_ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Whether the bytes have the text in them.
fn has(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}
