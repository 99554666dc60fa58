//! A log where it lies: how fast it is folded and verified, how long the state at any point of it takes, and what memory a
//! fold needs for each binding.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use mooring_domain::Position;
use mooring_event_log::verify;
use mooring_past::{Folded, Kernels, Moment, fold_folder, kernels_at};

use super::figure::{Figure, Goal};
use super::machine::{Processes, Spent};
use super::report::Report;
use crate::server::{own_folder, program};

/// Runs of each; their median counts.
const RUNS: usize = 5;
/// Points of the log at which the state is asked for.
const POINTS: u64 = 5;
/// Folds that are kept for the memory of one: the first is not counted, for what it finds free.
const KEPT: usize = 4;

/// Folds a log of so many events, in this process and on one thread, and verifies it. The peer is the reading of its files.
pub fn replay(events: u64, report: &mut Report) -> Result<()> {
    let folder = own_folder()?;
    let log = folder.path().join("log");
    // In a process of its own: nothing that it has freed is found by the folds whose memory is measured.
    let written = Command::new(program("history")?).arg(&log).arg(events.to_string()).output()?;
    ensure!(written.status.success(), "history: {}", String::from_utf8_lossy(&written.stderr));
    memory(&log, report)?;
    let (events, records) = size(&log, report)?;
    speed(&log, events, report)?;
    points(&log, records, report)?;
    verified(&log, report)
}

fn kernels(log: &Path, moment: Moment) -> Result<Kernels> {
    kernels_at(log, moment).map_err(|error| anyhow!("{error}"))
}

fn region(log: &Path, moment: Moment) -> Result<Folded> {
    fold_folder(log, moment).map_err(|error| anyhow!("{error}"))
}

fn size(log: &Path, report: &mut Report) -> Result<(u64, u64)> {
    let all = kernels(log, Moment::End)?;
    let records = all.desired.position.0;
    report.enter(figure("events in the log", all.events as f64, "events"))?;
    report.enter(figure("records in the log", records as f64, "records"))?;
    report.enter(figure("size of the log", bytes(log)? as f64 / 1e6, "MB"))?;
    Ok((all.events, records))
}

fn speed(log: &Path, events: u64, report: &mut Report) -> Result<()> {
    let rate = |seconds: f64| events as f64 / seconds;
    let goal = Goal::AtLeast(2_000_000.0);
    let reading = rate(median(|| read(log).map(drop))?);
    let mut enter = |whose: &str, fold: &dyn Fn() -> Result<()>| {
        let (took, spent) = spending(fold)?;
        let folded = figure(&format!("events folded, {whose}"), rate(took), "/s");
        report.enter(folded.goal(goal).beside("the files read", reading))?;
        let cpu = spent.of.values().sum::<f64>() / RUNS as f64 / events as f64 * 1e6;
        report.enter(figure(&format!("CPU for a fold of 1 000 000 events, {whose}"), cpu, "s"))?;
        report.enter(figure(&format!("cores that others took meanwhile, {whose}"), spent.others, "cores"))
    };
    enter("what kernels should have", &|| kernels(log, Moment::End).map(drop))?;
    enter("the whole region", &|| region(log, Moment::End).map(drop))
}

/// How long it takes, and the CPU time of all the runs.
fn spending(run: impl Fn() -> Result<()>) -> Result<(f64, Spent)> {
    let this = Processes::default().and("this", std::process::id());
    let before = this.taken()?;
    let took = median(run)?;
    Ok((took, this.since(&before)?))
}

/// The slowest of some points; the last one is the log's end.
fn points(log: &Path, records: u64, report: &mut Report) -> Result<()> {
    let (mut of_kernels, mut of_region) = (0_f64, 0_f64);
    for point in 1..=POINTS {
        let moment = Moment::Record(Position(records * point / POINTS));
        of_kernels = of_kernels.max(median(|| kernels(log, moment).map(drop))?);
        of_region = of_region.max(median(|| region(log, moment).map(drop))?);
    }
    let goal = Goal::AtMost(1.0);
    report.enter(figure("any point of the log, what kernels should have", of_kernels, "s").goal(goal))?;
    report.enter(figure("any point of the log, the whole region", of_region, "s").goal(goal))
}

fn memory(log: &Path, report: &mut Report) -> Result<()> {
    let of = |case: &str, bytes: f64| figure(case, bytes, "B").goal(Goal::AtMost(1024.0));
    let bindings = |kernels: &Kernels| kernels.desired.vpcs.values().map(|vpc| vpc.nat.len()).sum::<usize>();
    let (bytes, bound) = grown(|| kernels(log, Moment::End), bindings)?;
    report.enter(figure("bindings at the log's end", bound as f64, "bindings"))?;
    report.enter(of("memory for each binding, what kernels should have", bytes / bound as f64))?;
    let (bytes, bound) = grown(|| region(log, Moment::End), |region| region.binding.iter().count())?;
    report.enter(of("memory for each binding, the whole region with its vNICs", bytes / bound as f64))
}

/// How much one more fold takes, and how many bindings are in it.
fn grown<T>(fold: impl Fn() -> Result<T>, bindings: impl Fn(&T) -> usize) -> Result<(f64, usize)> {
    let mut kept = vec![fold()?];
    let before = resident()?;
    for _ in 1..KEPT {
        kept.push(fold()?);
    }
    let bytes = resident()?.saturating_sub(before) / (KEPT - 1) as u64;
    Ok((bytes as f64, kept.first().map_or(0, &bindings).max(1)))
}

/// Beside the same bytes read and nothing else: the disk, or the memory that has them.
fn verified(log: &Path, report: &mut Report) -> Result<()> {
    let megabytes = bytes(log)? as f64 / 1e6;
    let whole = verify(log)?;
    ensure!(whole.damage.is_none(), "{:?}", whole.damage);
    let (took, spent) = spending(|| verify(log).map(drop).map_err(Into::into))?;
    let reading = median(|| read(log).map(drop))?;
    let rate = figure("verified", megabytes / took, "MB/s").goal(Goal::AtLeast(500.0));
    report.enter(rate.beside("the files read", megabytes / reading))?;
    let cpu = spent.of.values().sum::<f64>() / RUNS as f64;
    report.enter(figure("verified in a second of CPU", megabytes / cpu.max(0.001), "MB"))?;
    report.enter(figure("cores that others took meanwhile, verifying", spent.others, "cores"))
}

/// Bytes that this process has in memory.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).context("no VmRSS")?.parse()?;
    Ok(kilobytes * 1024)
}

fn median(run: impl Fn() -> Result<()>) -> Result<f64> {
    let mut took = Vec::new();
    for _ in 0..RUNS {
        let begin = Instant::now();
        run()?;
        took.push(begin.elapsed().as_secs_f64());
    }
    took.sort_by(f64::total_cmp);
    Ok(took[RUNS / 2])
}

fn files(log: &Path) -> Result<Vec<PathBuf>> {
    std::fs::read_dir(log.join("segments"))?.map(|entry| Ok(entry?.path())).collect()
}

fn bytes(log: &Path) -> Result<u64> {
    files(log)?.iter().map(|file| Ok(file.metadata()?.len())).sum()
}

fn read(log: &Path) -> Result<usize> {
    files(log)?.iter().map(|file| Ok(black_box(std::fs::read(file)?).len())).sum()
}

fn figure(case: &str, value: f64, unit: &'static str) -> Figure {
    Figure::new("replay", case, value, unit)
}
