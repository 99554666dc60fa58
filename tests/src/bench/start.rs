//! How long a start takes, from the exec to `ready`, over a log of many events: from scratch, and with a snapshot.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use mooring_event_log::segments::{Options, Segments};

use super::apart::{self, Apart};
use super::figure::{Figure, Goal};
use super::program::Program;
use super::report::Report;
use crate::history;
use crate::nats::NatsServer;
use crate::server::own_folder;

/// With a snapshot, in seconds, for 1 000 000 events.
const GOAL: Goal = Goal::AtMost(2.0);
const PEER: &str = "the log opened";
/// Starts with a snapshot; their median counts.
const STARTS: usize = 3;

/// Starts `mooringd`, and then each of the four processes over JetStream, over so many events. The peer is the log itself:
/// opened, every byte checked, nothing folded.
pub fn start(events: u64, report: &mut Report) -> Result<()> {
    let folder = own_folder()?;
    let data = folder.path().join("data");
    let log = data.join("log").join("r1");
    write("start", &log, events, report)?;
    let opened = opened(&log)?;
    report.enter(figure("the log opened and checked, nothing folded", opened))?;
    embedded(folder.path(), &data, opened, report)?;
    apart(folder.path(), &log, opened, report)
}

fn embedded(folder: &Path, data: &Path, opened: f64, report: &mut Report) -> Result<()> {
    let data = data.to_str().context("a folder without a name")?;
    let arguments = ["--data", data, "--region", "r1", "--listen", "127.0.0.1:0"];
    let scratch = Program::start("mooringd", folder, &arguments)?;
    let took = scratch.took.as_secs_f64();
    scratch.stop()?;
    report.enter(figure("mooringd, from scratch", took).beside(PEER, opened))?;
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let program = Program::start("mooringd", folder, &arguments)?;
        took.push(program.took.as_secs_f64());
        program.stop()?;
    }
    enter_with_snapshot("mooringd", took, opened, report)
}

/// From scratch: with nothing of its own, each fetches the whole log first.
fn apart(folder: &Path, log: &Path, opened: f64, report: &mut Report) -> Result<()> {
    let nats = NatsServer::start()?;
    tokio::runtime::Runtime::new()?.block_on(apart::copy_log(&nats, log))?;
    let scratch = Apart::start(folder, &nats)?;
    for (service, took) in scratch.starts() {
        report
            .enter(figure(&format!("{service}, from scratch, the log fetched"), took).beside(PEER, opened))?;
    }
    scratch.stop()?;
    let mut all = vec![Vec::new(); apart::SERVICES.len()];
    for _ in 0..STARTS {
        let again = Apart::start(folder, &nats)?;
        again.starts().zip(&mut all).for_each(|((_, took), all)| all.push(took));
        again.stop()?;
    }
    for (service, took) in apart::SERVICES.iter().zip(all) {
        enter_with_snapshot(service, took, opened, report)?;
    }
    Ok(())
}

fn enter_with_snapshot(what: &str, mut took: Vec<f64>, opened: f64, report: &mut Report) -> Result<()> {
    took.sort_by(f64::total_cmp);
    let figure = figure(&format!("{what}, with a snapshot"), took[took.len() / 2]);
    report.enter(figure.beside(PEER, opened).goal(GOAL))
}

fn figure(case: &str, seconds: f64) -> Figure {
    Figure::new("start", case, seconds, "s")
}

/// Writes the history, and says how much it is.
pub(super) fn write(bench: &'static str, log: &Path, events: u64, report: &mut Report) -> Result<()> {
    let segments = Segments::open(log, Options::default(), &[])?.log;
    let runtime = tokio::runtime::Runtime::new()?;
    let written = runtime.block_on(history::write(segments.as_ref(), events))?;
    segments.close();
    report.enter(Figure::new(bench, "events in the log", written.events as f64, "events"))?;
    report.enter(Figure::new(bench, "records in the log", written.position.0 as f64, "records"))?;
    let mut bytes = 0;
    for file in std::fs::read_dir(log.join("segments"))? {
        bytes += file?.metadata()?.len();
    }
    report.enter(Figure::new(bench, "size of the log", bytes as f64 / 1e6, "MB"))
}

/// How long the log alone takes, in seconds.
fn opened(log: &Path) -> Result<f64> {
    let begin = Instant::now();
    let opened = Segments::open(log, Options::default(), &[])?;
    let took = begin.elapsed();
    opened.log.close();
    Ok(took.as_secs_f64())
}
