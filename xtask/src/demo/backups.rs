//! The demo's keys of backups, made by the product's own command. Their secret halves are in the demo's folder,
//! where an installation's are not.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;

use super::Demo;

/// How old the newest key may be before there is another: a quarter, less a month to spare.
const AGE_MAX: Duration = Duration::from_hours(60 * 24);

/// The demo's `backups.keys`.
pub(super) fn keys(demo: &Demo) -> anyhow::Result<String> {
    let kept = kept(&demo.folder)?;
    let is_young = |path: &PathBuf| {
        let made = fs::metadata(path).and_then(|data| data.modified()).ok();
        let age = made.and_then(|made| made.elapsed().ok());
        age.is_some_and(|age| age < AGE_MAX)
    };
    if !kept.iter().any(is_young) {
        let next = demo.folder.join(format!("backups-{}.key", kept.len()));
        let path = next.to_str().context("the folder's name is not UTF-8")?;
        demo.command(&["backup", "key", "--out", path])?;
    }
    let entries = self::kept(&demo.folder)?.into_iter().map(|path| {
        let text = fs::read_to_string(&path)?;
        entry(&text).with_context(|| format!("`{}` has no key: use --fresh", path.display()))
    });
    let entries: Vec<_> = entries.collect::<anyhow::Result<_>>()?;
    Ok(format!("[{}]", entries.join(", ")))
}

fn kept(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<_> = paths.collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|e| e == "key"));
    paths.sort();
    Ok(paths)
}

/// The entry of a key's file, which names its public half and the instant that it was made at.
fn entry(text: &str) -> Option<String> {
    let told = |what: &str| text.lines().find_map(|line| line.strip_prefix(what));
    let recipient = told("# public key: ")?;
    let (since, _) = told("# created: ")?.split_once('T')?;
    Some(format!(
        "{{ recipient = \"{recipient}\", since = \"{since}\" }}"
    ))
}
