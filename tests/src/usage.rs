//! What a process has used of the machine.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Memory, in bytes.
    pub rss: u64,
    /// Threads that it has now.
    pub threads: u64,
    /// The processors' time.
    pub cpu: Duration,
}

/// What the process with this id has used so far.
pub fn usage(pid: u32) -> Result<Usage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Result<u64> {
        let line =
            status.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
        Ok(line.split_whitespace().nth(1).context("a line without a value")?.parse()?)
    };
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, after_name) = stat.rsplit_once(')').context("a process without a name")?;
    // utime and stime are the 14th and 15th field, in ticks of 10 ms; the name is the second.
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>()?;
    Ok(Usage {
        rss: field("VmRSS:")? * 1024,
        threads: field("Threads:")?,
        cpu: Duration::from_millis(ticks * 10),
    })
}

/// A thread, and how it gets a processor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thread {
    /// Its name, of which the kernel keeps 15 bytes.
    pub name: String,
    /// Its real-time priority; 0: it has none.
    pub priority: u32,
}

/// The threads of the process with this id.
pub fn threads(pid: u32) -> Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // One may have ended meanwhile.
        let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else { continue };
        let (name, after_name) = stat.rsplit_once(')').context("a thread without a name")?;
        let (_, name) = name.split_once('(').context("a thread without a name")?;
        // The 40th field; the name is the second.
        let priority =
            after_name.split_whitespace().nth(37).context("a thread without a priority")?.parse()?;
        threads.push(Thread { name: name.to_owned(), priority });
    }
    Ok(threads)
}
