//! Verifying what left the database, without one: exports, checkpoints and proofs.

mod hashed;

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

use anyhow::{Context, anyhow, bail, ensure};
use clap::{ArgGroup, Args};
use countersign_domain::audit::{
    Head,
    exported::{LineFault, Verifier, manifest_line},
    manifest::{ExportFormat, Manifest},
    note::{Checkpoint, VerifierKey},
};
use countersign_entities::verified_note;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use self::hashed::Hashed;
use super::{output, proof, read, text};

/// The most bytes of an export's last record.
const MANIFEST_MAX: u64 = 16 * 1024;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("given").args(["export", "proof"])))]
pub(in crate::command) struct OfflineArgs {
    /// The file of an export to check, without a database
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["tenant", "from", "to"])]
    export: Option<PathBuf>,
    /// The file of a proof to check, without a database
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["tenant", "from", "to"])]
    proof: Option<PathBuf>,
    /// The file of a signed checkpoint that the export must agree with
    #[arg(long, value_name = "FILE", requires = "export")]
    checkpoint: Option<PathBuf>,
    /// The tenant's public key, as `ledger key` prints it and an export from the app shows it, or a file of it
    #[arg(long, value_name = "KEY|FILE", requires = "given")]
    key: Option<String>,
}

impl OfflineArgs {
    pub(super) const fn is_asked_for(&self) -> bool {
        self.export.is_some() || self.proof.is_some() || self.key.is_some()
    }
}

pub(super) fn run(arguments: &OfflineArgs) -> anyhow::Result<ExitCode> {
    let key = arguments.key.as_ref().context("give `--key`")?;
    let key: VerifierKey = match key.parse() {
        Ok(key) => key,
        Err(_) => text(&PathBuf::from(key))?.parse()?,
    };
    // What is not there is no fault of a log.
    let given = [&arguments.export, &arguments.proof, &arguments.checkpoint];
    for path in given.into_iter().flatten() {
        open(path)?;
    }
    let checkpoint = arguments.checkpoint.as_ref();
    let checkpoint = checkpoint.map(|path| read(&key, &text(path)?)).transpose();
    let told = match (&arguments.export, &arguments.proof) {
        (Some(path), _) => checkpoint.and_then(|checkpoint| export(path, &key, checkpoint)),
        (None, Some(path)) => text(path).and_then(|proof| proof::verify(&proof, &key)),
        (None, None) => bail!("give `--export` or `--proof`"),
    };
    Ok(match told {
        Ok(told) => {
            output::line(&told);
            ExitCode::SUCCESS
        }
        Err(fault) => {
            output::line(&format!("FAULT: {fault:#}"));
            ExitCode::FAILURE
        }
    })
}

fn open(path: &Path) -> anyhow::Result<File> {
    let file = File::open(path);
    file.with_context(|| format!("`{}` can not be read", path.display()))
}

#[derive(Deserialize)]
struct LastLine {
    manifest: String,
}

/// Verifies an export, and says what it is.
pub fn export(
    path: &Path,
    key: &VerifierKey,
    checkpoint: Option<Checkpoint>,
) -> anyhow::Result<String> {
    let mut file = open(path)?;
    let note = last_record(&mut file)?;
    let manifest = Manifest::parse(verified_note(key, &note)?)?;
    let (rows, filter) = (manifest.rows, &manifest.filter);
    file.seek(SeekFrom::Start(0))?;
    if manifest.format == ExportFormat::Csv {
        ensure!(
            checkpoint.is_none(),
            "rows are checked one by one in an export as JSON Lines"
        );
        let digest = digest(&mut file.by_ref().take(manifest.bytes))?;
        ensure!(
            digest == manifest.sha256,
            "the bytes are not those that were signed"
        );
        nothing_else(&mut file, &manifest, &note)?;
        return Ok(format!(
            "{rows} rows, as they were signed; filter: {filter}"
        ));
    }
    let verifier = Verifier::new(manifest.tenant, !manifest.is_whole(), checkpoint);
    let signed = file.by_ref().take(manifest.bytes);
    let (judged, digest) = thread::scope(|scope| {
        let (reader, digest) = Hashed::begin(scope, signed);
        // The reader is gone after it.
        let judged = judge(reader, verifier);
        (judged, digest.join())
    });
    let (verified, last) = judged?;
    ensure!(
        verified == rows,
        "{rows} rows were signed, and {verified} are here"
    );
    let digest = digest.map_err(|_| anyhow!("the bytes were not hashed to their end"))?;
    ensure!(
        digest == manifest.sha256,
        "the bytes are not those that were signed"
    );
    nothing_else(&mut file, &manifest, &note)?;
    let last = last.map_or_else(String::new, |last| format!(", the last is {}", last.seq));
    Ok(format!("{rows} rows verify{last}; filter: {filter}"))
}

/// Verifies every line, and says how many rows there are and where they end.
fn judge(reader: impl Read, mut verifier: Verifier) -> anyhow::Result<(u64, Option<Head>)> {
    let mut lines = BufReader::with_capacity(1 << 17, reader);
    let (mut line, mut found) = (Vec::new(), 0_u64);
    while lines.read_until(b'\n', &mut line)? > 0 {
        found = found.saturating_add(1);
        match verifier.line(&line) {
            Err(LineFault::Line(error)) => return Err(error).context(format!("line {found}")),
            judged => judged?,
        }
        line.clear();
    }
    Ok(verifier.finish()?)
}

/// Whoever reads an export reads all of it: after the bytes that were signed comes the manifest alone.
fn nothing_else(file: &mut File, manifest: &Manifest, note: &str) -> anyhow::Result<()> {
    file.seek(SeekFrom::Start(manifest.bytes))?;
    let mut end = Vec::new();
    file.take(MANIFEST_MAX).read_to_end(&mut end)?;
    ensure!(
        end == manifest_line(manifest.format, note)?,
        "there is more in the file than what was signed"
    );
    Ok(())
}

/// The signed manifest at the end of an export of either form.
fn last_record(file: &mut File) -> anyhow::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MANIFEST_MAX)))?;
    let mut end = Vec::new();
    file.take(MANIFEST_MAX).read_to_end(&mut end)?;
    let end = String::from_utf8_lossy(&end);
    if let Some(start) = end.rfind("{\"manifest\":") {
        // What follows its line is found out once the rest is verified.
        let last = end.get(start..).and_then(|last| last.lines().next());
        let last = serde_json::from_str::<LastLine>(last.unwrap_or_default());
        let last = last.ok().context("the manifest is damaged")?;
        return Ok(last.manifest);
    }
    let start = end
        .rfind("\nmanifest,\"")
        .context("the file has no manifest: it is no export, or its end is cut off")?;
    let quoted = end.get(start..).and_then(|last| last.split('"').nth(1));
    Ok(quoted.context("the manifest is damaged")?.to_owned())
}

fn digest(reader: &mut impl Read) -> anyhow::Result<[u8; 32]> {
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok(digest.finalize().into());
        }
        digest.update(buffer.get(..read).unwrap_or_default());
    }
}
