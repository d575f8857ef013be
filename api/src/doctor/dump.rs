//! The program that backups are made with.

use std::{ffi::OsStr, process::Command};

use countersign_entities::Database;

use super::Findings;
use crate::config::Config;

/// Whether it runs, and dumps the release of PostgreSQL that is there.
pub(super) async fn check(config: &Config, database: &Database, findings: &mut Findings) {
    if config.backups.keys.is_empty() {
        return;
    }
    // A database that does not answer is a finding of its own.
    let server = database.release().await.ok();
    let program = &config.backups.pg_dump;
    let found = release(program.as_os_str())
        .and_then(|own| dumps(own, server))
        .map_err(|fault| format!("`{}`: {fault}", program.display()));
    let advice = "name PostgreSQL's `pg_dump` in `backups.pg_dump`, of the server's release or a later one: no backup is \
         made without it";
    findings.tell("program that backups are made with", found, advice);
}

/// The release of PostgreSQL that a program says that it is of.
fn release(program: &OsStr) -> Result<u32, String> {
    let output = Command::new(program).arg("--version").output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("it fails at once, by {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    read(&text).ok_or_else(|| "it does not tell its version as `pg_dump` does".to_owned())
}

/// `pg_dump (PostgreSQL) 17.2`, and whatever its packagers add.
fn read(text: &str) -> Option<u32> {
    let (_, version) = text.split_once("(PostgreSQL) ")?;
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// It refuses servers that are newer than itself.
fn dumps(own: u32, server: Option<u32>) -> Result<String, String> {
    match server {
        Some(server) if own < server => {
            let fault =
                format!("it is of PostgreSQL {own} and dumps no later one: the server is {server}");
            Err(fault)
        }
        _ => Ok(format!("of PostgreSQL {own}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_dumps_its_own_release_and_earlier_ones() {
        for (text, own) in [
            ("pg_dump (PostgreSQL) 17.2", Some(17)),
            (
                "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n",
                Some(15),
            ),
            ("pg_dump (PostgreSQL) 18beta1", Some(18)),
            ("pg_dump (PostgreSQL) devel", None),
            ("tar (GNU tar) 1.34", None),
            ("", None),
        ] {
            assert_eq!(read(text), own, "{text}");
        }
        for (server, is_dumped) in [
            (Some(16), true),
            (Some(17), true),
            (Some(18), false),
            (None, true),
        ] {
            assert_eq!(dumps(17, server).is_ok(), is_dumped, "{server:?}");
        }
    }
}
