//! Waiting for a condition. Nothing in the tests sleeps for a fixed time and hopes.

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
