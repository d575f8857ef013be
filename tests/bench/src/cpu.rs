//! Processor time and memory of processes, as Linux tells them; nothing elsewhere.

use std::{collections::BTreeMap, fs};

use countersign_stand::process;

/// Microseconds of processor time that the process has used.
pub(crate) fn micros(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second column is a name in parentheses, which may have spaces.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut columns = rest.split(' ').skip(11);
    let user: u64 = columns.next()?.parse().ok()?;
    let system: u64 = columns.next()?.parse().ok()?;
    // A tick is 10 ms on every Linux that Rust runs on.
    user.checked_add(system)?.checked_mul(10_000)
}

/// What each of PostgreSQL's processes has used, by its id.
pub(crate) fn below(postmaster: u32) -> BTreeMap<u32, u64> {
    let children = process::children(postmaster);
    let all = children.into_iter().chain([postmaster]);
    all.filter_map(|pid| Some((pid, micros(pid)?))).collect()
}

/// What was used in between. A process that has ended since is not counted.
pub(crate) fn between(before: &BTreeMap<u32, u64>, after: &BTreeMap<u32, u64>) -> u64 {
    let used = after.iter().map(|(pid, used)| {
        let earlier = before.get(pid).copied().unwrap_or_default();
        used.saturating_sub(earlier)
    });
    used.sum()
}

/// Resident memory in mebibytes.
pub(crate) fn memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes / 1024)
}
