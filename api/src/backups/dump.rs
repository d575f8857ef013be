//! `pg_dump`, or what makes backups otherwise, as something to read.

use std::{
    env,
    ffi::OsString,
    fmt,
    io::{self, ErrorKind, Read},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    thread::{self, JoinHandle},
};

use secrecy::SecretString;

use super::{BackupError, address};

/// What of this process's environment `pg_dump` is given: where programs, libraries and files of passwords are, and how
/// connections are secured. Whatever else is there, such as this product's own secrets, it is not.
const GIVEN: [&str; 11] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "PGPASSFILE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSSLCERT",
    "PGSSLKEY",
];

/// How much is kept of what it says.
const SAID_MAX: u64 = 8 * 1024;

/// What this product's own configuration begins with, where it comes from the environment.
const OWN: &str = "COUNTERSIGN__";

/// A dump that is under way. It ends with this.
pub struct Dump {
    program: String,
    child: Child,
    output: ChildStdout,
    said: Option<JoinHandle<String>>,
}

impl fmt::Debug for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dump({})", self.child.id())
    }
}

impl Dump {
    /// Begins to dump the database of that address, in `pg_dump`'s own form. It holds every row: where row-level
    /// security keeps some from whoever connects, `pg_dump` fails.
    pub fn begin(program: &Path, owner_url: &SecretString) -> Result<Self, BackupError> {
        let mut command = Command::new(program);
        command
            .args(["--format=custom", "--no-password"])
            .env_clear()
            .envs(
                GIVEN
                    .iter()
                    .filter_map(|name| Some((name, env::var_os(name)?))),
            )
            .env("PGAPPNAME", "countersign backup");
        address::tell(&mut command, owner_url)?;
        Self::spawn("pg_dump", &mut command).map_err(|why| BackupError::NoProgram {
            program: program.to_path_buf(),
            why,
        })
    }

    /// Begins another program, which writes what is to be encrypted to its standard output. It has the
    /// environment of this process, but for this product's own configuration.
    pub fn run(program: &Path, arguments: &[OsString]) -> Result<Self, BackupError> {
        let mut command = Command::new(program);
        command.args(arguments);
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(OWN.as_bytes()) {
                command.env_remove(name);
            }
        }
        let name = program.display().to_string();
        Self::spawn(&name, &mut command).map_err(|why| BackupError::NotRun {
            program: program.to_path_buf(),
            why,
        })
    }

    fn spawn(program: &str, command: &mut Command) -> io::Result<Self> {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        Ok(Self {
            program: program.to_owned(),
            child,
            output,
            said: Some(thread::spawn(|| said(errors))),
        })
    }

    /// Whether it wrote everything. Asked after its output was read to the end, which is there as well where
    /// it gave up.
    pub fn end(mut self) -> Result<(), BackupError> {
        let status = self.child.wait().map_err(BackupError::Read)?;
        if status.success() {
            return Ok(());
        }
        let said = self.said.take().and_then(|said| said.join().ok());
        let mut said = said.unwrap_or_default();
        if said.contains("row-level security") {
            said.push_str(
                ". `database.owner_url` is to connect as a superuser, which restoring takes as well, or as a \
                 role with BYPASSRLS: the backup of another would lack rows",
            );
        }
        Err(BackupError::Dump {
            program: self.program.clone(),
            status: status.to_string(),
            said,
        })
    }
}

impl Read for Dump {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        self.output.read(piece)
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        // Nobody reads it any more. One that has ended is not there to be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What it said, on one line. The rest is read and left, so that it is not kept waiting.
fn said(mut errors: ChildStderr) -> String {
    let mut kept = Vec::new();
    let _ = errors.by_ref().take(SAID_MAX).read_to_end(&mut kept);
    let _ = io::copy(&mut errors, &mut io::sink());
    let text = String::from_utf8_lossy(&kept);
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
