//! Waiting for a condition. Nothing in the tests sleeps for a fixed time and hopes.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is asked.
const EVERY: Duration = Duration::from_millis(5);

/// Asks `condition` until it is met and returns what it gave, or fails after `timeout` with the last thing seen.
///
/// `condition` answers `Err(what it saw instead)` while it is not met.
pub fn wait_for<T>(
    what: &str,
    timeout: Duration,
    mut condition: impl FnMut() -> Result<T, String>,
) -> Result<T> {
    let end = Instant::now() + timeout;
    loop {
        match condition() {
            Ok(met) => return Ok(met),
            Err(seen) if Instant::now() >= end => {
                bail!("waited {timeout:?} for {what}; last seen: {seen}")
            }
            Err(_) => std::thread::sleep(EVERY),
        }
    }
}

/// Waits until a process that was sent SIGSTOP has stopped: each of its threads does so when it comes to it.
pub fn wait_stopped(pid: u32) -> Result<()> {
    wait_for(&format!("process {pid} to stop"), Duration::from_secs(20), || {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).map_err(|error| error.to_string())?;
        for task in tasks.flatten() {
            // A thread that has ended meanwhile says nothing any more.
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            if state.is_some_and(|state| state != 'T') {
                return Err(stat);
            }
        }
        Ok(())
    })
}
