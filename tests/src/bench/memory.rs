//! What a binding takes of memory: in each process, and in the kernel of the gateway that it lives on. A binding has two
//! vNICs, an EIP and a HAVIP that one of the vNICs holds.

mod kernel;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;

use super::apart::{self, Apart};
use super::figure::{Figure, Goal};
use super::program::Program;
use super::report::Report;
use super::{disk, embedded};
use crate::lab::Lab;
use crate::nats::NatsServer;
use crate::server::{own_folder, program};
use crate::usage::usage;

const BENCH: &str = "memory";
/// Of a process with nothing to do, in MB.
const IDLE: Goal = Goal::AtMost(40.0);
/// For a binding, in one service.
const OF_A_BINDING: Goal = Goal::AtMost(1024.0);
/// What a gateway may have with a million bindings, in MiB.
const GATEWAY: Goal = Goal::AtMost(300.0);
const MILLION: f64 = 1e6;
/// What a process has freed it gives back in this time.
const CALM: Duration = Duration::from_secs(2);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// What a process has in memory, in bytes.
struct Resident {
    of: &'static str,
    bytes: u64,
}

/// Measures it with so many bindings.
pub fn memory(bindings: usize, report: &mut Report) -> Result<()> {
    disk::floor(report)?;
    let lab = Lab::new()?;
    kernel::measure(&lab, bindings, report)?;
    let folder = own_folder()?;
    let data = folder.path().join("mooringd");
    let log = data.join("log").join("r1");
    write(&log, bindings, report)?;
    let places = folder.path().join("places.toml");
    std::fs::write(&places, lab.places())?;
    in_one_process(folder.path(), &data, &places, bindings, report)?;
    apart(folder.path(), &log, &places, bindings, report)
}

/// In a process of its own: all of it is gone before anything is measured.
fn write(log: &Path, bindings: usize, report: &mut Report) -> Result<()> {
    let written =
        Command::new(program("history")?).arg(log).arg("--bindings").arg(bindings.to_string()).output()?;
    ensure!(written.status.success(), "history: {}", String::from_utf8_lossy(&written.stderr));
    let events = String::from_utf8_lossy(&written.stdout);
    let events = events.split(' ').next().context("history says nothing")?.parse()?;
    report.enter(Figure::new(BENCH, "events in the log", events, "events"))
}

fn in_one_process(
    folder: &Path,
    data: &Path,
    places: &Path,
    bindings: usize,
    report: &mut Report,
) -> Result<()> {
    let idle = mooringd(folder, &folder.join("nothing"), None)?;
    let base = calm(embedded::NAME, idle.pid())?;
    idle.stop()?;
    report.enter(Figure::new(BENCH, "mooringd, idle", base.bytes as f64 / 1e6, "MB").goal(IDLE))?;
    let (data, places) = (data.to_owned(), Some(places));
    mooringd(folder, &data, places)?.stop()?;
    let again = mooringd(folder, &data, places)?;
    let with = calm(embedded::NAME, again.pid())?;
    again.stop()?;
    enter(&base, &with, bindings, report)
}

fn mooringd(folder: &Path, data: &Path, places: Option<&Path>) -> Result<Program> {
    let mut arguments: Vec<PathBuf> =
        ["--region", "r1", "--listen", "127.0.0.1:0", "--data"].map(PathBuf::from).into();
    arguments.push(data.to_owned());
    arguments.extend(places.iter().flat_map(|places| [PathBuf::from("--places"), places.to_path_buf()]));
    Program::start(embedded::NAME, folder, &arguments)
}

fn apart(folder: &Path, log: &Path, places: &Path, bindings: usize, report: &mut Report) -> Result<()> {
    let runtime = Runtime::new()?;
    let base = {
        let nats = NatsServer::start()?;
        runtime.block_on(apart::make_log(&nats))?;
        let nothing = own_folder()?;
        let apart = Apart::start(nothing.path(), &nats)?;
        residents(&apart)?
    };
    let nats = NatsServer::start()?;
    runtime.block_on(apart::copy_log(&nats, log))?;
    // What a start from nothing has to fetch and to sort is not what a process has from then on.
    Apart::start_at(folder, &nats, Some(places))?.stop()?;
    let apart = Apart::start_at(folder, &nats, Some(places))?;
    let with = residents(&apart)?;
    apart.stop()?;
    base.iter().zip(&with).try_for_each(|(base, with)| enter(base, with, bindings, report))
}

fn residents(apart: &Apart) -> Result<Vec<Resident>> {
    apart.processes().map(|(service, pid)| calm(service, pid)).collect()
}

/// The least that it has in some seconds.
fn calm(of: &'static str, pid: u32) -> Result<Resident> {
    let (begin, mut bytes) = (Instant::now(), u64::MAX);
    while begin.elapsed() < CALM {
        bytes = bytes.min(usage(pid)?.rss);
        std::thread::sleep(PAUSE);
    }
    Ok(Resident { of, bytes })
}

fn enter(base: &Resident, with: &Resident, bindings: usize, report: &mut Report) -> Result<()> {
    let (of, megabyte) = (with.of, f64::from(1 << 20));
    let figure = |what: &str, value, unit| Figure::new(BENCH, format!("{of}, {what}"), value, unit);
    report.enter(figure("with no binding", base.bytes as f64 / megabyte, "MiB"))?;
    let all = format!("with {bindings} bindings");
    report.enter(figure(&all, with.bytes as f64 / megabyte, "MiB"))?;
    let each = with.bytes.saturating_sub(base.bytes) as f64 / bindings as f64;
    let one = figure("for a binding", each, "B");
    report.enter(if of == embedded::NAME { one } else { one.goal(OF_A_BINDING) })?;
    let million = (base.bytes as f64 + each * MILLION) / megabyte;
    let million = figure("so with a million bindings", million, "MiB");
    report.enter(if of == "mooring-dataplane-sync" { million.goal(GATEWAY) } else { million })
}
