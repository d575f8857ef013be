//! `countersign backup`.
//!
//! Making a pair of keys, opening and checking need neither a configuration nor a database: the server may be
//! gone. Making a backup needs no secret key.

mod restored;

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{self, ExitCode},
};

use anyhow::{Context, anyhow};
use chrono::NaiveDate;
use clap::Subcommand;
use countersign_entities::{Clock, Database, MadeBackup, SystemClock};
use tokio::signal::unix::{SignalKind, signal};

use self::restored::RestoredArgs;
use super::{arguments, output};
use crate::{
    backups::{
        self, BackupError, Digest, Dump, Identities, Inspected, KeyFault, NewFile, Pair, Recipient,
    },
    config::{BackupKey, Config, ConfigError},
};

#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// Make a pair of keys: the secret one into a file, which belongs away from the server, and the public one
    /// for the configuration
    Key {
        /// The file of the secret key, which is not there yet
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// The first day of backups under it, such as `2026-10-01`; today where not given
        #[arg(long, value_name = "DAY", value_parser = arguments::day)]
        since: Option<NaiveDate>,
    },
    /// Dump the database, and encrypt it while it is read, to the key of this quarter
    Create {
        /// The file to write, which is not there yet
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Encrypt what a program writes to the same key, for backups that are made otherwise; or what comes on
    /// standard input, of which nobody knows whether it was made to its end
    #[command(
        override_usage = "countersign backup seal --out <FILE> -- <PROGRAM> [ARGUMENTS]...\n       \
                          countersign backup seal [--out <FILE>] [--unrecorded]"
    )]
    Seal {
        /// The file to write, which is not there yet; standard output where not given
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// The program that makes it, such as `pg_basebackup`, and its arguments. Nothing is kept or recorded
        /// where it fails
        #[arg(last = true, requires = "out", value_name = "PROGRAM")]
        program: Vec<OsString>,
        /// Make no row of it in the operator's log: for what comes by the minute, such as segments of the
        /// write-ahead log
        #[arg(long)]
        unrecorded: bool,
    },
    /// Decrypt a backup
    Open {
        /// The backup
        file: PathBuf,
        /// The file of the secret key
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
        /// The file to write, which is not there yet; standard output where not given
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// To be run once a backup was restored and `countersign migrate` ran, before servers start: end every session,
    /// record the restore in each tenant's log, and tell what came back that was ended after the backup. What
    /// was cut off goes on when it is begun again
    Restored(RestoredArgs),
    /// Tell whether a backup is whole and opens, and its SHA-256; nothing is written
    Check {
        /// The backup
        file: PathBuf,
        /// The file of the secret key; without it only the beginning is looked at
        #[arg(long, value_name = "FILE")]
        identity: Option<PathBuf>,
    },
}

pub(super) async fn run(
    command: BackupCommand,
    config: impl FnOnce() -> Result<Config, ConfigError>,
) -> anyhow::Result<ExitCode> {
    match command {
        BackupCommand::Key { out, since } => key(&out, since)?,
        BackupCommand::Create { out } => create(&out, &config()?).await?,
        BackupCommand::Seal {
            out,
            program,
            unrecorded,
        } => seal(out.as_deref(), &program, unrecorded, &config()?).await?,
        BackupCommand::Open {
            file,
            identity,
            out,
        } => open(&file, &identity, out.as_deref()).await?,
        BackupCommand::Restored(arguments) => restored::run(&arguments, &config()?).await?,
        BackupCommand::Check { file, identity } => check(&file, identity.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn key(out: &Path, since: Option<NaiveDate>) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let pair = Pair::generate();
    pair.write(out, now)?;
    let (recipient, since) = (pair.recipient(), since.unwrap_or_else(|| now.date_naive()));
    output::line(&recipient.to_string());
    output::line(&format!(
        "its entry in `backups.keys`: {{ recipient = \"{recipient}\", since = \"{since}\" }}"
    ));
    output::line(&format!(
        "`{}` has the secret key, without which no backup opens: move it to where neither the server nor the \
         backups are, and keep a copy",
        out.display()
    ));
    Ok(())
}

/// The key of today, and what to do where there is none.
fn current(config: &Config) -> anyhow::Result<(NaiveDate, BackupKey)> {
    let today = SystemClock.now().date_naive();
    let key = backups::current(&config.backups.keys, today).map_err(refusal)?;
    Ok((today, key.clone()))
}

fn refusal(fault: KeyFault) -> anyhow::Error {
    anyhow!("no backup is made: {fault}: {}", backups::ADVICE)
}

/// The database that a backup is recorded in. What can not be recorded is not begun, nor what the log has had
/// enough of.
async fn recorder(config: &Config, key: &BackupKey, today: NaiveDate) -> anyhow::Result<Database> {
    let database = super::database(config).await?;
    database.ready().await?;
    let key = key.recipient.fingerprint();
    let first = database.operator().first_backup(&key).await?;
    backups::fresh(first.map(|first| first.date_naive()), today).map_err(refusal)?;
    Ok(database)
}

async fn create(out: &Path, config: &Config) -> anyhow::Result<()> {
    let (today, key) = current(config)?;
    let owner_url = config.database.owner_url.as_ref();
    let owner_url = owner_url.ok_or_else(|| ConfigError::Value {
        key: "database.owner_url",
        fault: "is missing: the database is dumped by it".to_owned(),
    })?;
    let mut file = NewFile::beside(out)?;
    let partial = Some(file.partial());
    let database = recorder(config, &key, today).await?;
    let mut dump = Dump::begin(&config.backups.pg_dump, owner_url)?;
    let recipient = key.recipient.clone();
    let sealing = move || {
        let sealed = backups::seal(&recipient, &mut dump, &mut file)?;
        dump.end()?;
        Ok((file, whole(sealed)?))
    };
    let (file, sealed) = unless_stopped(partial, sealing).await?;
    record(&database, "backup create", &key, sealed).await?;
    database.close().await;
    file.keep().context(RECORDED)?;
    told(out, &key, sealed);
    Ok(())
}

/// What was told to stop takes the file along that it has begun: of a backup that was being opened, too, which
/// nobody is to find.
async fn unless_stopped<T: Send + 'static>(
    partial: Option<PathBuf>,
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> anyhow::Result<T> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    // A terminal that is closed, and a person who wants a core.
    let mut hung_up = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    tokio::select! {
        ended = tokio::task::spawn_blocking(work) => Ok(ended??),
        _ = terminated.recv() => stop(partial),
        _ = interrupted.recv() => stop(partial),
        _ = hung_up.recv() => stop(partial),
        _ = quit.recv() => stop(partial),
    }
}

/// Ends the process: the thread that reads hears of no signal.
fn stop(partial: Option<PathBuf>) -> ! {
    if let Some(partial) = partial {
        let _ = fs::remove_file(partial);
    }
    output::error("it was told to stop, and nothing of it is kept");
    process::exit(1)
}

/// What is said of a backup whose row is there, where it is not.
const RECORDED: &str = "the backup was recorded, and is not there";

async fn seal(
    out: Option<&Path>,
    program: &[OsString],
    unrecorded: bool,
    config: &Config,
) -> anyhow::Result<()> {
    let (today, key) = current(config)?;
    let file = out.map(NewFile::beside).transpose()?;
    let database = if unrecorded {
        None
    } else {
        Some(recorder(config, &key, today).await?)
    };
    let recipient = key.recipient.clone();
    let partial = file.as_ref().map(NewFile::partial);
    let dump = program.split_first().map(|(program, arguments)| {
        let program: &Path = program.as_ref();
        Dump::run(program, arguments)
    });
    let dump = dump.transpose()?;
    let sealing = move || {
        let (file, sealed) = sealed(&recipient, dump, file)?;
        let sealed = if unrecorded {
            sealed.outside
        } else {
            whole(sealed)?
        };
        Ok((file, sealed))
    };
    let (file, sealed) = unless_stopped(partial, sealing).await?;
    if let Some(database) = database {
        let recorded = record(&database, "backup seal", &key, sealed).await;
        recorded.context("what was sealed is not to be kept")?;
        database.close().await;
    }
    if let (Some(file), Some(out)) = (file, out) {
        file.keep().context(RECORDED)?;
        told(out, &key, sealed);
    }
    Ok(())
}

/// Encrypts what a program writes, or else what comes on standard input, into a file or else to standard output.
fn sealed(
    recipient: &Recipient,
    mut dump: Option<Dump>,
    mut file: Option<NewFile>,
) -> Result<(Option<NewFile>, Inspected), BackupError> {
    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();
    let from: &mut dyn Read = match &mut dump {
        Some(dump) => dump,
        None => &mut input,
    };
    let to: &mut dyn Write = match &mut file {
        Some(file) => file,
        None => &mut output,
    };
    let sealed = backups::seal(recipient, from, to)?;
    if let Some(dump) = dump {
        dump.end()?;
    }
    Ok((file, sealed))
}

/// What was written, where something is in it: no backup is empty.
fn whole(sealed: Inspected) -> Result<Digest, BackupError> {
    if sealed.inside == 0 {
        return Err(BackupError::Empty);
    }
    Ok(sealed.outside)
}

/// A backup is not there before its row is.
async fn record(
    database: &Database,
    command: &'static str,
    key: &BackupKey,
    sealed: Digest,
) -> anyhow::Result<()> {
    let made = MadeBackup {
        sha256: sealed.sha256,
        bytes: sealed.bytes,
        key: key.recipient.fingerprint(),
        since: key.since,
    };
    let recorded = database.operator().record_backup(command, &made).await;
    recorded.context("the backup can not be recorded in the operator's log, and is not kept")
}

fn told(out: &Path, key: &BackupKey, sealed: Digest) {
    output::line(&format!(
        "`{}`: {} bytes, SHA-256 {}, encrypted to the key since {}",
        out.display(),
        sealed.bytes,
        hex::encode(sealed.sha256),
        key.since
    ));
}

async fn open(file: &Path, identity: &Path, out: Option<&Path>) -> anyhow::Result<()> {
    let identities = Identities::read(identity)?;
    let from = backup(file)?;
    let named = || format!("`{}` does not open", file.display());
    let Some(out) = out else {
        let mut to = io::stdout().lock();
        backups::open(from, &identities, &mut to).with_context(named)?;
        return Ok(());
    };
    let mut to = NewFile::beside(out)?;
    let partial = Some(to.partial());
    let opening = move || {
        let opened = backups::open(from, &identities, &mut to)?;
        Ok((to, opened))
    };
    let opened = unless_stopped(partial, opening).await;
    let (to, opened) = opened.with_context(named)?;
    to.keep()?;
    output::line(&format!("`{}`: {} bytes", out.display(), opened.inside));
    Ok(())
}

fn check(file: &Path, identity: Option<&Path>) -> anyhow::Result<()> {
    let from = backup(file)?;
    let shown = file.display();
    let (outside, verdict) = if let Some(identity) = identity {
        let identities = Identities::read(identity)?;
        let opened = backups::open(from, &identities, &mut io::sink());
        let opened = opened.with_context(|| format!("`{shown}` does not open"))?;
        let verdict = format!("it is whole, and opens to {} bytes", opened.inside);
        (opened.outside, verdict)
    } else {
        let outside = backups::outside(from);
        let outside = outside.with_context(|| format!("`{shown}` is no backup"))?;
        let verdict =
            "it begins as a file of age; whether it is whole and opens, `--identity FILE` tells";
        (outside, verdict.to_owned())
    };
    let (bytes, sha256) = (outside.bytes, hex::encode(outside.sha256));
    output::line(&format!(
        "`{shown}`: {bytes} bytes, SHA-256 {sha256}: {verdict}"
    ));
    Ok(())
}

fn backup(path: &Path) -> Result<File, BackupError> {
    File::open(path).map_err(|why| BackupError::Unreadable {
        path: path.to_path_buf(),
        why,
    })
}
