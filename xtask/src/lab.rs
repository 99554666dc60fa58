//! What labs of dead runs left behind. A lab names all it makes `PREFIX-PID-…`, so the owner can be looked up:
//! what a living process owns is never touched, nor anything with another name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How names begin that our tests make, before the pid of the process that made them.
const PREFIXES: [&str; 1] = ["moor-"];
const NAMESPACES: &str = "/run/netns";

/// Removes them and says which.
pub fn clean() -> Result<()> {
    clean_and_count().map(drop)
}

/// Removes them, says which, and gives the number of namespaces.
pub fn clean_and_count() -> Result<usize> {
    let namespaces = left_in(Path::new(NAMESPACES))?;
    if !namespaces.is_empty() && !nix::unistd::geteuid().is_root() {
        bail!("needs root to remove {} left namespaces: run it with sudo", namespaces.len());
    }
    for name in namespaces.iter().filter_map(|path| path.file_name()?.to_str()) {
        println!("removing namespace {name}, left by a dead run");
        remove(name)?;
    }
    for folder in left_in(&std::env::temp_dir())? {
        println!("removing {}, left by a dead run", folder.display());
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(namespaces.len())
}

fn left_in(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(vec![]);
    }
    let mut left = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if owner(&name).is_some_and(is_dead) {
            left.push(path);
        }
    }
    left.sort();
    Ok(left)
}

fn owner(name: &str) -> Option<u32> {
    let rest = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    rest.split('-').next()?.parse().ok()
}

fn is_dead(pid: u32) -> bool {
    !Path::new("/proc").join(pid.to_string()).exists()
}

fn remove(name: &str) -> Result<()> {
    let inside = Command::new("ip").args(["netns", "pids", name]).output().context("cannot run ip")?;
    for pid in String::from_utf8_lossy(&inside.stdout).split_whitespace().filter_map(|pid| pid.parse().ok()) {
        // It may have ended by itself by now.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    let status = Command::new("ip").args(["netns", "delete", name]).status().context("cannot run ip")?;
    if !status.success() {
        bail!("namespace {name} cannot be removed: {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_read_from_names_of_ours_only() {
        assert_eq!(owner("moor-4711-0-1a2b-vm-a"), Some(4711));
        assert_eq!(owner("vpc-4711"), None);
        assert_eq!(owner("moor-blue-7"), None);
    }

    #[test]
    fn only_what_the_dead_left_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut ended = Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let dead = folder.path().join(format!("moor-{}-0-ffff-client", ended.id()));
        let living = folder.path().join(format!("moor-{}-0-ffff-client", std::process::id()));
        for name in [&dead, &living, &folder.path().join("vpc-blue")] {
            fs::write(name, "").unwrap();
        }
        assert_eq!(left_in(folder.path()).unwrap(), [dead]);
        assert!(left_in(&folder.path().join("gone")).unwrap().is_empty());
    }
}
