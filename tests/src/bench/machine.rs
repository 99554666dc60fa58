//! CPU time: of each process that is measured, and of everybody else in the meantime.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};

/// Clock ticks in a second in `/proc`: `USER_HZ`, the same on every architecture that has Linux namespaces in use.
const TICKS: f64 = 100.0;

/// Processes whose CPU time is taken.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    of: BTreeMap<String, u32>,
}

/// CPU seconds so far.
pub struct Taken {
    at: Instant,
    busy: f64,
    of: BTreeMap<String, f64>,
}

/// CPU seconds in a time.
#[derive(Clone, Debug, Default)]
pub struct Spent {
    /// By process.
    pub of: BTreeMap<String, f64>,
    /// By everybody else, in cores.
    pub others: f64,
}

impl Processes {
    /// With another one.
    #[must_use]
    pub fn and(mut self, name: impl Into<String>, pid: u32) -> Processes {
        self.of.insert(name.into(), pid);
        self
    }

    /// What each has spent so far.
    pub fn taken(&self) -> Result<Taken> {
        let spent = self.of.iter().map(|(name, pid)| Ok((name.clone(), of_process(*pid)?)));
        Ok(Taken { at: Instant::now(), busy: of_machine()?, of: spent.collect::<Result<_>>()? })
    }

    /// What each has spent since.
    pub fn since(&self, before: &Taken) -> Result<Spent> {
        let now = self.taken()?;
        let of = now.of.iter().map(|(name, seconds)| (name.clone(), seconds - before.of[name]));
        let of: BTreeMap<_, _> = of.collect();
        let ours: f64 = of.values().sum();
        let others = (now.busy - before.busy - ours) / now.at.duration_since(before.at).as_secs_f64();
        Ok(Spent { of, others: others.max(0.0) })
    }
}

/// What the threads of a process have spent so far that are still there, in seconds, by their names.
pub fn threads(pid: u32) -> Result<BTreeMap<String, f64>> {
    let mut spent = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // One may have ended meanwhile.
        let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else { continue };
        let name = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).context("no name")?.0;
        *spent.entry(name.to_owned()).or_default() += seconds(&stat)?;
    }
    Ok(spent)
}

/// User and system time of a process with all its threads, in seconds.
fn of_process(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    seconds(&fs::read_to_string(&path).with_context(|| path.clone())?)
}

/// User and system time in a line of `/proc`.
fn seconds(stat: &str) -> Result<f64> {
    // The program's name, in brackets, may have spaces in it.
    let (_, fields) = stat.rsplit_once(')').context("a process without a name")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| Ok(field.parse::<f64>()?));
    Ok(ticks.sum::<Result<f64>>()? / TICKS)
}

/// The time that all cores were busy, in seconds.
fn of_machine() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<f64> = line.split_whitespace().skip(1).map_while(|field| field.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; guest time is in user time already.
    let busy = ticks.iter().take(8).enumerate().filter(|(at, _)| !matches!(at, 3 | 4));
    Ok(busy.map(|(_, ticks)| ticks).sum::<f64>() / TICKS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_a_process_spends_is_counted_as_its_own() {
        let processes = Processes::default().and("this", std::process::id());
        let before = processes.taken().unwrap();
        let begin = Instant::now();
        let mut work = 1_u64;
        while begin.elapsed().as_millis() < 300 {
            work = std::hint::black_box(work.wrapping_mul(3));
        }
        let spent = processes.since(&before).unwrap();
        assert!(spent.of["this"] > 0.02, "{spent:?}");
    }
}
