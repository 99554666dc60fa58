//! How many binds share a sync of the log when as many are made as can be: counted by strace, in a run of its own.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;

use super::BENCH;
use crate::bench::figure::{Figure, Goal};
use crate::bench::load::{self, Act};
use crate::bench::report::Report;
use crate::bench::{rush, stock};
use crate::client::Client;
use crate::server::{Mooringd, Options, own_folder};
use crate::wait::wait_for;

const AT_ONCE: usize = 256;
/// Binds for a sync.
const GOAL: Goal = Goal::AtLeast(20.0);
/// Whatever waits for a disk.
const CALLS: &str = "trace=fdatasync,fsync,sync_file_range,msync";

/// Makes so many binds.
pub fn measure(runtime: &Runtime, count: usize, report: &mut Report) -> Result<()> {
    let folder = own_folder()?;
    let trace = folder.path().join("trace");
    let path = trace.to_str().context("a folder without a name")?;
    // -D: what we start and stop is mooringd. Only the calls that are counted stop it.
    let wrapper = ["strace", "-D", "-f", "--seccomp-bpf", "-ttt", "-e", CALLS, "-o", path];
    let wrapper = wrapper.map(str::to_owned).to_vec();
    let mut server = Mooringd::start_in(folder.path(), "", Options { wrapper, ..Options::default() })?;
    let pid = server.pid().context("mooringd does not run")?;
    let (begin, rate, end) = runtime.block_on(binds(&server, count)).context(server.log())?;
    server.stop()?;
    let trace = wait_for("strace to write the end", Duration::from_secs(10), || {
        let text = fs::read_to_string(&trace).map_err(|error| error.to_string())?;
        let is_end = |line: &str| line.starts_with(&pid.to_string()) && line.contains("+++ exited");
        if text.lines().any(is_end) { Ok(text) } else { Err("it goes on".to_owned()) }
    })?;
    let syncs = trace.lines().filter_map(called).filter(|at| (begin..=end).contains(at)).count();
    ensure!(syncs > 0, "{count} binds and no sync");
    let case = |what: &str| format!("whole binds, {AT_ONCE} in flight: {what}");
    report.enter(Figure::new(BENCH, case("syncs"), syncs as f64, "syncs"))?;
    report.enter(
        Figure::new(BENCH, case("binds for a sync"), count as f64 / syncs as f64, "binds").goal(GOAL),
    )?;
    report.enter(Figure::new(BENCH, case("binds while syncs are counted"), rate, "/s"))
}

/// When they began, how many there were in a second, when they ended.
async fn binds(server: &Mooringd, count: usize) -> Result<(f64, f64, f64)> {
    let pairs = stock::pairs(&Client::connect(server.address()).await?, count).await?;
    let mut connections = Vec::new();
    for _ in 0..rush::connections(AT_ONCE) {
        connections.push(Client::connect(server.address()).await?);
    }
    let begin = seconds()?;
    let round = load::round(&connections, AT_ONCE, Act::Bind, &pairs, count).await?;
    Ok((begin, round.rate(), seconds()?))
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
