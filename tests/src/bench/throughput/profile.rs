//! Where a process spends its time: the functions that take most of it, by `perf`, where that is installed.

use std::io::ErrorKind;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::BENCH;
use crate::bench::figure::Figure;
use crate::bench::load::{self, Act};
use crate::bench::report::Report;
use crate::bench::{rush, stock};
use crate::client::Client;
use crate::server::{Mooringd, Options, own_folder};

/// Samples in a second: no divisor of the kernel's own ticks.
const FREQUENCY: &str = "997";
/// Functions that are named.
const TOP: usize = 10;
const AT_ONCE: usize = 256;

/// `perf` at work.
pub struct Recording {
    perf: Child,
    folder: TempDir,
}

impl Recording {
    /// Begins; nothing where there is no `perf`.
    pub fn start(pid: u32) -> Result<Option<Recording>> {
        let folder = own_folder()?;
        let perf = Command::new("perf")
            .args(["record", "-q", "-e", "cpu-clock", "-F", FREQUENCY, "-p", &pid.to_string(), "-o"])
            .arg(folder.path().join("perf.data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match perf {
            Ok(perf) => Ok(Some(Recording { perf, folder })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("perf"),
        }
    }

    /// Ends, and enters what was seen.
    pub fn enter(mut self, of: &str, report: &mut Report) -> Result<()> {
        kill(Pid::from_raw(self.perf.id().cast_signed()), Signal::SIGINT)?;
        self.perf.wait()?;
        for (share, what) in self.shares("dso")?.into_iter().take_while(|(share, _)| *share >= 1.0) {
            report.enter(Figure::new(BENCH, format!("{of}, time in {what}"), share, "%"))?;
        }
        for (share, what) in self.shares("sym")?.into_iter().take(TOP) {
            report.enter(Figure::new(BENCH, format!("{of}, time in function {what}"), share, "%"))?;
        }
        Ok(())
    }

    fn shares(&self, by: &str) -> Result<Vec<(f64, String)>> {
        let said = Command::new("perf")
            .args(["report", "-q", "--stdio", "--no-children", "-t", "|", "-s", by, "-i"])
            .arg(self.folder.path().join("perf.data"))
            .stderr(Stdio::null())
            .output()?;
        ensure!(said.status.success(), "perf report ended with {}", said.status);
        Ok(String::from_utf8_lossy(&said.stdout).lines().filter_map(parsed).collect())
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.perf.kill();
        let _ = self.perf.wait();
    }
}

/// A line such as `12.34%|[k] finish_task_switch`.
fn parsed(line: &str) -> Option<(f64, String)> {
    let (share, what) = line.trim().split_once('|')?;
    Some((share.trim().trim_end_matches('%').parse().ok()?, what.trim().to_owned()))
}

/// Where `mooringd` spends its time while so many binds are made.
pub fn binds(runtime: &Runtime, count: usize, report: &mut Report) -> Result<()> {
    let server = Mooringd::alone(Options::default())?;
    let pid = server.pid().context("mooringd does not run")?;
    runtime.block_on(async {
        let pairs = stock::pairs(&Client::connect(server.address()).await?, count).await?;
        let mut connections = Vec::new();
        for _ in 0..rush::connections(AT_ONCE) {
            connections.push(Client::connect(server.address()).await?);
        }
        let Some(recording) = Recording::start(pid)? else { return Ok(()) };
        load::round(&connections, AT_ONCE, Act::Bind, &pairs, count).await?;
        recording.enter("whole binds", report)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_report_has_a_share_and_a_name_that_may_have_anything_in_it() {
        let line = "    12.50%|[.] <alloc::vec::Vec<T> as core::ops::drop::Drop>::drop ";
        let name = "[.] <alloc::vec::Vec<T> as core::ops::drop::Drop>::drop".to_owned();
        assert_eq!(parsed(line), Some((12.5, name)));
        assert_eq!(parsed("# Samples: 7"), None);
    }
}
