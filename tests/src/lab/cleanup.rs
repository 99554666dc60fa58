//! Leaving nothing behind: after a drop, a panic, a Ctrl-C, and after runs that were killed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

/// Processes of ours outside any laboratory namespace (`mooringd`), for Ctrl-C.
static OUTSIDE: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Remembers a process that Ctrl-C must end too.
pub(crate) fn track(pid: u32) {
    if let Ok(mut pids) = OUTSIDE.lock() {
        pids.insert(pid.cast_signed());
    }
}

/// Forgets a process once it has been waited for: its number may be another's from then on.
pub(crate) fn untrack(pid: u32) {
    if let Ok(mut pids) = OUTSIDE.lock() {
        pids.remove(&pid.cast_signed());
    }
}

/// From now on Ctrl-C and SIGTERM remove every laboratory of this process before it ends, with status 130.
///
/// To be called before any other thread exists.
pub fn on_interrupt() -> Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.thread_block().context("blocking signals")?;
    std::thread::spawn(move || {
        if signals.wait().is_ok() {
            end_all();
            std::process::exit(130);
        }
    });
    Ok(())
}

fn end_all() {
    if let Ok(pids) = OUTSIDE.lock() {
        for pid in pids.iter() {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
    }
    let own = std::process::id();
    remove(names().iter().filter(|name| owner(name) == Some(own)).map(String::as_str));
    remove_folders(|pid| pid == own);
}

/// Removes what laboratories of dead processes left.
pub fn sweep_dead() -> Result<()> {
    let dead = |pid: u32| !Path::new("/proc").join(pid.to_string()).exists();
    remove(names().iter().filter(|name| owner(name).is_some_and(dead)).map(String::as_str));
    remove_folders(dead);
    Ok(())
}

/// Ends every process in the namespaces and removes them. Says nothing about those that are not there.
pub(super) fn remove<'a>(names: impl IntoIterator<Item = &'a str>) {
    for name in names {
        for pid in processes_in(name) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = Command::new("ip")
            .args(["netns", "delete", name])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

fn remove_folders(of: impl Fn(u32) -> bool) {
    for name in entries(&std::env::temp_dir()) {
        if owner(&name).is_some_and(&of) {
            let _ = fs::remove_dir_all(std::env::temp_dir().join(name));
        }
    }
}

fn names() -> Vec<String> {
    entries(Path::new("/run/netns"))
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The process that made a laboratory, from the name of one of its namespaces: `moor-PID-N-RANDOM-role`.
fn owner(name: &str) -> Option<u32> {
    let mut parts = name.strip_prefix("moor-")?.split('-');
    let pid = parts.next()?.parse().ok()?;
    parts.next()?.parse::<u32>().ok()?;
    Some(pid)
}

/// Every process whose main thread is in the namespace; never this one, whose threads only visit.
fn processes_in(name: &str) -> Vec<i32> {
    let Ok(namespace) = fs::metadata(Path::new("/run/netns").join(name)) else { return Vec::new() };
    let lives_there = |pid: &i32| {
        fs::metadata(format!("/proc/{pid}/ns/net"))
            .is_ok_and(|its| its.ino() == namespace.ino() && its.dev() == namespace.dev())
    };
    let own = std::process::id().cast_signed();
    let all = entries(Path::new("/proc")).into_iter().filter_map(|name| name.parse().ok());
    all.filter(|pid| *pid != own).filter(lives_there).collect()
}
