//! Syncs in a trace of strace, which holds up what it counts.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use super::{CALLS, Run, prepare};
use crate::server::{Mooringd, Options, own_folder};
use crate::wait::wait_for;

pub fn run(runtime: &Runtime, count: usize) -> Result<Run> {
    let folder = own_folder()?;
    let trace = folder.path().join("trace");
    let path = trace.to_str().context("a folder without a name")?;
    let calls = format!("trace={}", CALLS.join(","));
    // -D: what we start and stop is mooringd. Only the calls that are counted stop it.
    let wrapper = ["strace", "-D", "-f", "--seccomp-bpf", "-ttt", "-e", &calls, "-o", path];
    let wrapper = wrapper.map(str::to_owned).to_vec();
    let mut server = Mooringd::start_in(folder.path(), "", Options { wrapper, ..Options::default() })?;
    let pid = server.pid().context("mooringd does not run")?;
    let prepared = runtime.block_on(prepare(&server, count)).context(server.log())?;
    let begin = seconds()?;
    let rate = runtime.block_on(prepared.binds()).context(server.log())?;
    let end = seconds()?;
    server.stop()?;
    let trace = wait_for("strace to write the end", Duration::from_secs(10), || {
        let text = fs::read_to_string(&trace).map_err(|error| error.to_string())?;
        let is_end = |line: &str| line.starts_with(&pid.to_string()) && line.contains("+++ exited");
        if text.lines().any(is_end) { Ok(text) } else { Err("it goes on".to_owned()) }
    })?;
    let syncs = trace.lines().filter_map(called).filter(|at| (begin..=end).contains(at)).count();
    Ok(Run { syncs: syncs as u64, rate })
}

fn seconds() -> Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64())
}

/// When a call began. A call that others interrupted in the trace has a second line, which is not one.
fn called(line: &str) -> Option<f64> {
    let mut words = line.split_whitespace().skip(1);
    let at = words.next()?.parse().ok()?;
    let name = words.next()?;
    (name.contains('(') && !name.starts_with('<')).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_counted_once_however_many_lines_it_has() {
        assert_eq!(called("77 1795.250000 fdatasync(9) = 0"), Some(1795.25));
        assert_eq!(called("77 1795.250000 fdatasync(9 <unfinished ...>"), Some(1795.25));
        assert_eq!(called("77 1795.260000 <... fdatasync resumed>) = 0"), None);
        assert_eq!(called("77 1795.270000 +++ exited with 0 +++"), None);
    }
}
