//! How long a kernel takes to get so many bindings when it has nothing, and a `mooringd` that was killed to be ready again.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mooring_dataplane::{Driver as _, Kernel, nft};
use mooring_domain::nat::{Actual, Op, diff, wanted};
use nix::sys::resource::{UsageWho, getrusage};

use super::elements::{self, place};
use super::figure::{Figure, Goal};
use super::program::Program;
use super::report::Report;
use super::start;
use crate::lab::Line;
use crate::server::own_folder;

const BENCH: &str = "load";
/// In seconds, for so many bindings.
const GOALS: [(u32, f64); 2] = [(100_000, 0.5), (1_000_000, 5.0)];
/// From the exec to `ready`, in seconds, with a million events.
const READY: Goal = Goal::AtMost(2.0);
/// Times that it is killed; the median counts.
const KILLS: usize = 3;

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Loads {
    /// Bindings of a kernel, the fewest first.
    pub bindings: Vec<u32>,
    /// Events of the log on which a killed process starts.
    pub events: u64,
    /// For how long it runs before it is killed first.
    pub up: Duration,
    /// Whether the peer is measured.
    pub peer: bool,
}

impl Loads {
    /// What the goals are measured with.
    pub fn full() -> Loads {
        Loads {
            bindings: vec![100_000, 1_000_000],
            events: 1_000_000,
            up: Duration::from_secs(10),
            peer: true,
        }
    }

    /// As little as shows that it works.
    pub fn short() -> Loads {
        Loads { bindings: vec![1_000], events: 5_000, up: Duration::ZERO, peer: false }
    }

    /// With so many bindings alone.
    #[must_use]
    pub fn only(self, bindings: u32) -> Loads {
        Loads { bindings: vec![bindings], ..self }
    }
}

/// The steps from nothing to so many bindings.
pub fn ops(bindings: u32) -> Result<Vec<Op>> {
    Ok(diff(&elements::desired(bindings)?, &elements::pools()?, &Actual::default()))
}

/// Measures all of it.
pub fn load(sizes: &Loads, report: &mut Report) -> Result<()> {
    super::disk::floor(report)?;
    for bindings in &sizes.bindings {
        kernel(*bindings, sizes.peer, report)?;
    }
    killed(sizes.events, sizes.up, report)
}

fn kernel(bindings: u32, peer: bool, report: &mut Report) -> Result<()> {
    let peer = if peer { Some(by_nft(bindings)?) } else { None };
    let line = Line::new()?;
    let mut kernel = Kernel::open(&place(&line.gateway))?;
    let desired = elements::desired(bindings)?;
    let pools = elements::pools()?;
    let begin = Instant::now();
    let actual = kernel.read()?;
    let ops = diff(&desired, &pools, &actual);
    let (neighbours, tables): (Vec<Op>, Vec<Op>) =
        ops.into_iter().partition(|op| matches!(op, Op::SetNeighbour(..)));
    let decided = begin.elapsed();
    kernel.apply(&neighbours)?;
    let resolved = begin.elapsed();
    kernel.apply(&tables)?;
    let took = begin.elapsed();
    let case = |what: &str| format!("{bindings} bindings into an empty kernel{what}");
    let figure = Figure::new(BENCH, case(""), took.as_secs_f64(), "s");
    let figure = match peer {
        Some((seconds, _)) => figure.beside("nft -f of the same elements, no neighbours", seconds),
        None => figure,
    };
    let goal = GOALS.iter().find(|(of, _)| *of == bindings).map(|(_, seconds)| Goal::AtMost(*seconds));
    report.enter(goal.map_or(figure.clone(), |goal| figure.goal(goal)))?;
    let part = |what, seconds| Figure::new(BENCH, case(what), seconds, "s");
    report.enter(part(": what is missing found out", decided.as_secs_f64()))?;
    report.enter(part(": the neighbours", (resolved - decided).as_secs_f64()))?;
    report.enter(part(": both tables, one transaction", (took - resolved).as_secs_f64()))?;
    let wanted = wanted(&desired, &pools, false);
    let begin = Instant::now();
    let read = kernel.read_known(&wanted)?;
    report.enter(part(": all of it read back", begin.elapsed().as_secs_f64()))?;
    ensure!(read == wanted, "the kernel has something else");
    let memory =
        Figure::new(BENCH, case(": memory of this process at most"), most(UsageWho::RUSAGE_SELF)?, "MB");
    report.enter(match peer {
        Some((_, megabytes)) => memory.beside("nft", megabytes),
        None => memory,
    })
}

/// The most that this process, or the largest of its children, had in memory; in MB.
fn most(who: UsageWho) -> Result<f64> {
    Ok(getrusage(who)?.max_rss() as f64 * 1024.0 / 1e6)
}

/// Seconds that `nft -f` takes, and its memory in MB.
fn by_nft(bindings: u32) -> Result<(f64, f64)> {
    let line = Line::new()?;
    let place = place(&line.gateway);
    let text = nft(&place, &wanted(&elements::desired(bindings)?, &elements::pools()?, false));
    let folder = own_folder()?;
    let file = folder.path().join("ruleset");
    std::fs::File::create(&file)?.write_all(text.as_bytes())?;
    let begin = Instant::now();
    let done = line.gateway.command("nft").arg("-f").arg(&file).stdin(Stdio::null()).output()?;
    let took = begin.elapsed();
    ensure!(done.status.success(), "nft: {}", String::from_utf8_lossy(&done.stderr));
    Ok((took.as_secs_f64(), most(UsageWho::RUSAGE_CHILDREN)?))
}

/// Killed as soon as it is ready, each time.
fn killed(events: u64, up: Duration, report: &mut Report) -> Result<()> {
    let folder = own_folder()?;
    let data = folder.path().join("data");
    start::write(BENCH, &data.join("log").join("r1"), events, report)?;
    let data = data.to_str().context("a folder without a name")?;
    let arguments = ["--data", data, "--region", "r1", "--listen", "127.0.0.1:0"];
    let scratch = Program::start("mooringd", folder.path(), &arguments)?;
    report.enter(Figure::new(BENCH, "mooringd, from scratch", scratch.took.as_secs_f64(), "s"))?;
    // Snapshots are taken behind what is folded; nobody stops in order here.
    std::thread::sleep(up);
    drop(scratch);
    let mut took = Vec::new();
    for _ in 0..KILLS {
        let program = Program::start("mooringd", folder.path(), &arguments)?;
        took.push(program.took.as_secs_f64());
    }
    took.sort_by(f64::total_cmp);
    let figure = Figure::new(BENCH, "mooringd, from killed to ready", took[took.len() / 2], "s");
    report.enter(figure.goal(READY))
}
