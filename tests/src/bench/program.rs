//! A process that is measured: started from the exec on, until it says that it is ready.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lab::{track, untrack};
use crate::server::program;

/// Longer than the longest start that is measured takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running process. Dropping it kills it.
pub struct Program {
    process: Child,
    log: PathBuf,
    /// Where it listens.
    pub address: String,
    /// From the exec to `ready`.
    pub took: Duration,
}

impl Program {
    /// Starts a program of this workspace, with its log in `folder`, and waits until it is ready.
    pub fn start<A: AsRef<OsStr>>(name: &str, folder: &Path, arguments: &[A]) -> Result<Program> {
        let log = folder.join(format!("{name}.log"));
        let stderr = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        // Where Ctrl-C is waited for, this process has both blocked, and what it starts would as well.
        command.args(["env", "--default-signal=INT,TERM"]).arg(program(name)?).args(arguments);
        let begin = Instant::now();
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .context(name.to_owned())?;
        track(process.id());
        let stdout = BufReader::new(process.stdout.take().context("no stdout")?);
        let (sender, lines) = channel();
        // Reads on after the first line, so that the process never waits for a reader.
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).for_each(|line| drop(sender.send((line, Instant::now()))));
        });
        let said = lines.recv_timeout(PATIENCE).ok();
        let mut started = Program { process, log, address: String::new(), took: Duration::ZERO };
        match said.as_ref().and_then(|(line, at)| Some((line.strip_prefix("ready ")?, at))) {
            Some((address, at)) => {
                started.address = address.trim().to_owned();
                started.took = at.duration_since(begin);
                Ok(started)
            }
            None => {
                // One that was killed, for memory say, writes nothing about it.
                let ended = started.process.try_wait()?.map(|status| format!(" and ended with {status}"));
                let (ended, log) = (ended.unwrap_or_default(), started.log());
                bail!("{name} did not get ready; it said {said:?}{ended}; its log: {log}")
            }
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it wrote to stderr.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n  ")
    }

    /// Has it end as an operator does, and waits for that.
    pub fn stop(mut self) -> Result<()> {
        kill(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGTERM)?;
        let status = self.process.wait()?;
        ensure!(status.success(), "it ended with {status}; its log: {}", self.log());
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        untrack(self.process.id());
    }
}
