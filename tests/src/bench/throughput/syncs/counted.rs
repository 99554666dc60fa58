//! Syncs counted where the kernel enters them: `perf stat`, which stops nobody.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{CALLS, Run, prepare};
use crate::server::{Mooringd, Options, own_folder};
use crate::wait::wait_for;

/// For perf to do what it was told.
const SOON: Duration = Duration::from_secs(10);

/// `None` where there is no `perf`, or the kernel lets it count nothing.
pub fn run(runtime: &Runtime, count: usize) -> Result<Option<Run>> {
    if !can_count()? {
        return Ok(None);
    }
    let server = Mooringd::alone(Options::default())?;
    let pid = server.pid().context("mooringd does not run")?;
    let prepared = runtime.block_on(prepare(&server, count))?;
    let mut counting = Counting::start(pid)?;
    counting.tell("enable")?;
    let rate = runtime.block_on(prepared.binds())?;
    counting.tell("disable")?;
    Ok(Some(Run { syncs: counting.end()?, rate }))
}

fn events() -> String {
    CALLS.map(|call| format!("syscalls:sys_enter_{call}")).join(",")
}

fn can_count() -> Result<bool> {
    let tried = Command::new("perf").args(["stat", "-x,", "-e", &events(), "true"]).output();
    match tried {
        Ok(tried) => Ok(tried.status.success()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context("perf"),
    }
}

struct Counting {
    perf: Child,
    control: File,
    answers: File,
    folder: TempDir,
}

impl Counting {
    /// Ready to count what a process does.
    fn start(pid: u32) -> Result<Counting> {
        let folder = own_folder()?;
        let fifo = |name: &str| -> Result<_> {
            let path = folder.path().join(name);
            mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
            Ok(path)
        };
        let (control, answers) = (fifo("control")?, fifo("answers")?);
        let perf = Command::new("perf")
            .args(["stat", "-x,", "-D", "-1", "-e", &events(), "-p", &pid.to_string()])
            .arg(format!("--control=fifo:{},{}", control.display(), answers.display()))
            .arg("-o")
            .arg(folder.path().join("counts"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("perf")?;
        // Both ends are held open here: neither side waits for the other to open its own.
        let open =
            |path: &Path| File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path);
        let (control, answers) = (open(&control)?, open(&answers)?);
        Ok(Counting { perf, control, answers, folder })
    }

    /// Says what to do, and waits until it is done.
    fn tell(&mut self, what: &str) -> Result<()> {
        self.control.write_all(format!("{what}\n").as_bytes())?;
        let mut answer = [0; 16];
        let length = wait_for(&format!("perf to {what}"), SOON, || {
            self.answers.read(&mut answer).map_err(|error| error.to_string())
        })?;
        ensure!(answer[..length].starts_with(b"ack\n"), "perf answered {:?} to {what}", &answer[..length]);
        Ok(())
    }

    /// Ends; what was counted.
    fn end(mut self) -> Result<u64> {
        // Not every version has a word for it.
        kill(Pid::from_raw(self.perf.id().cast_signed()), Signal::SIGINT)?;
        self.perf.wait()?;
        let counts = fs::read_to_string(self.folder.path().join("counts"))?;
        Ok(counts.lines().filter_map(counted).sum())
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = self.perf.kill();
        let _ = self.perf.wait();
    }
}

/// A line such as `12,,syscalls:sys_enter_fdatasync,2383412,100.00,,`. What never happened is not a number.
fn counted(line: &str) -> Option<u64> {
    let (count, rest) = line.split_once(',')?;
    rest.contains("sys_enter_").then(|| count.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_are_counted() {
        assert_eq!(counted("12,,syscalls:sys_enter_fdatasync,2383412,100.00,,"), Some(12));
        assert_eq!(counted("<not counted>,,syscalls:sys_enter_msync,0,100.00,,"), None);
        assert_eq!(counted("# started on Sun Nov 22 22:24:10 2026"), None);
    }
}
