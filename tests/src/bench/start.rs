//! How long a start takes, from the exec to `ready`, over a log of many events: from scratch, and with a snapshot.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use mooring_event_log::segments::{Options, Segments};

use super::figure::{Figure, Goal};
use super::program::Program;
use super::report::Report;
use crate::history;
use crate::server::own_folder;

/// With a snapshot, in seconds, for 1 000 000 events.
const GOAL: Goal = Goal::AtMost(2.0);
/// Starts with a snapshot; their median counts.
const STARTS: usize = 3;

/// Starts `mooringd` over so many events. The peer is the log itself: opened, every byte checked, nothing folded.
pub fn start(events: u64, report: &mut Report) -> Result<()> {
    let folder = own_folder()?;
    let data = folder.path().join("data");
    let log = data.join("log").join("r1");
    write(&log, events, report)?;
    let opened = opened(&log)?;
    report.enter(figure("the log opened and checked, nothing folded", opened))?;

    let arguments =
        ["--data", data.to_str().context("a folder without a name")?, "--region", "r1", "--listen", "127.0.0.1:0"];
    let scratch = Program::start("mooringd", folder.path(), &arguments)?;
    let took = scratch.took.as_secs_f64();
    scratch.stop()?;
    report.enter(figure("mooringd, from scratch", took).beside("the log opened", opened))?;

    let mut took = Vec::new();
    for _ in 0..STARTS {
        let program = Program::start("mooringd", folder.path(), &arguments)?;
        took.push(program.took.as_secs_f64());
        program.stop()?;
    }
    took.sort_by(f64::total_cmp);
    let with_snapshot = figure("mooringd, with a snapshot", took[STARTS / 2]).beside("the log opened", opened);
    report.enter(with_snapshot.goal(GOAL))
}

fn figure(case: &str, seconds: f64) -> Figure {
    Figure::new("start", case, seconds, "s")
}

/// Writes the history, and says how much it is.
fn write(log: &Path, events: u64, report: &mut Report) -> Result<()> {
    let segments = Segments::open(log, Options::default(), &[])?.log;
    let runtime = tokio::runtime::Runtime::new()?;
    let written = runtime.block_on(history::write(segments.as_ref(), events))?;
    segments.close();
    report.enter(Figure::new("start", "events in the log", written.events as f64, "events"))?;
    report.enter(Figure::new("start", "records in the log", written.position.0 as f64, "records"))?;
    let mut bytes = 0;
    for file in std::fs::read_dir(log.join("segments"))? {
        bytes += file?.metadata()?.len();
    }
    report.enter(Figure::new("start", "size of the log", bytes as f64 / 1e6, "MB"))
}

/// How long the log alone takes, in seconds.
fn opened(log: &Path) -> Result<f64> {
    let begin = Instant::now();
    let opened = Segments::open(log, Options::default(), &[])?;
    let took = begin.elapsed();
    opened.log.close();
    Ok(took.as_secs_f64())
}
