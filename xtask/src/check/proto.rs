//! `proto/` in Buf's spirit, without buf: what its STANDARD rules say about packages, services and enums, and a
//! comment on everything a client meets. The wire format of stored events is held by `proto/event.lock`: a line in
//! it is for ever, because a log written today must be read by every later version.

pub mod events;
mod style;

use std::path::PathBuf;

use anyhow::{Context, Result};
use prost_types::FileDescriptorSet;

use crate::tree;

/// Everything that breaks a rule.
pub fn findings() -> Result<Vec<String>> {
    let files = compiled()?;
    let mut found: Vec<String> = ours(&files).flat_map(style::findings).collect();
    found.extend(events::findings(&files, &lock()?));
    Ok(found)
}

/// Enters new fields of stored events into the lock file; what is there stays as it is.
pub fn accept() -> Result<()> {
    let (old, files) = (lock()?, compiled()?);
    let new = events::with_new(&files, &old);
    println!("{} lines were there, {} are there now", old.lines().count(), new.lines().count());
    std::fs::write(lock_path(), new).context("cannot write proto/event.lock")
}

fn lock_path() -> PathBuf {
    tree::root().join("proto/event.lock")
}

fn lock() -> Result<String> {
    let path = lock_path();
    if !path.exists() {
        return Ok(String::new());
    }
    std::fs::read_to_string(path).context("cannot read proto/event.lock")
}

fn compiled() -> Result<FileDescriptorSet> {
    let folder = tree::root().join("proto");
    let files = tree::texts(&[".proto"])?;
    let paths = files.iter().map(|file| tree::root().join(&file.path));
    protox::compile(paths, [folder]).context("proto/ does not compile")
}

fn ours(files: &FileDescriptorSet) -> impl Iterator<Item = &prost_types::FileDescriptorProto> {
    files.file.iter().filter(|file| file.package().starts_with("mooring."))
}
