//! `bench`: measures the binaries beside it. `cargo xtask bench` builds both for release and runs it.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
// Folds are measured with the allocator that `moor` and the services have.
use mooring_runtime as _;
use mooring_tests::bench::{
    self, Binds, Claims, Drifts, Failovers, Loads, Packets, Reads, Report, Sizes, Throughput,
};
use mooring_tests::lab;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| words.iter().any(|word| word == flag);
    let sizes = if has("--short") { Sizes::short() } else { Sizes::full() };
    let sizes = match number(&words, "--clients") {
        Some(clients) => sizes.only(usize::try_from(clients)?),
        None => sizes,
    };
    ensure!(!sizes.cases.is_empty(), "binds are measured with 1, 16 or 256 clients");
    let mut report = Report::new(has("--json"), Box::new(stdout()));
    match words.first().map(String::as_str) {
        Some("jetstream") => bench::jetstream(&sizes, &mut report),
        Some("events") => bench::events(number(&words, "--events").unwrap_or(1_000_000), &mut report),
        Some("failover") => {
            lab::on_interrupt()?;
            let sizes = if has("--short") { Failovers::short() } else { Failovers::full() };
            let part = value(&words, "--part").map(str::parse).transpose()?;
            bench::failover(&sizes, part, &mut report)
        }
        // The driver itself, as a process beside the clients.
        Some(bench::ECHO) => bench::echo(),
        Some("throughput") => {
            let sizes = if has("--short") { Throughput::short() } else { Throughput::full() };
            bench::throughput(&sizes, &mut report)
        }
        Some("claims") => {
            lab::on_interrupt()?;
            let sizes = if has("--short") { Claims::short() } else { Claims::full() };
            bench::claims(&sizes, value(&words, "--part"), &mut report)
        }
        Some("size") => bench::size(has("--cold"), &mut report),
        Some("memory") => {
            lab::on_interrupt()?;
            let otherwise = if has("--short") { 2_000 } else { 100_000 };
            let bindings = number(&words, "--bindings").unwrap_or(otherwise);
            bench::memory(usize::try_from(bindings)?, &mut report)
        }
        Some("reads") => {
            let sizes = if has("--short") { Reads::short() } else { Reads::full() };
            bench::reads(&sizes, &mut report)
        }
        Some(name @ ("packets" | "load" | "bind" | "drift")) => {
            lab::on_interrupt()?;
            let only = number(&words, "--bindings").map(u32::try_from).transpose()?;
            dataplane(name, has("--short"), only, &mut report)
        }
        Some("start") => bench::start(number(&words, "--events").unwrap_or(1_000_000), &mut report),
        Some("replay") => bench::replay(number(&words, "--events").unwrap_or(1_000_000), &mut report),
        other => bail!("no benchmark is named {other:?}"),
    }
}

/// What is measured with so many bindings in a kernel.
fn dataplane(name: &str, short: bool, only: Option<u32>, report: &mut Report) -> Result<()> {
    macro_rules! sizes {
        ($of:ty) => {{
            let sizes = if short { <$of>::short() } else { <$of>::full() };
            match only {
                Some(bindings) => sizes.only(bindings),
                None => sizes,
            }
        }};
    }
    match name {
        "packets" => bench::packets(&sizes!(Packets), report),
        "load" => bench::load(&sizes!(Loads), report),
        "bind" => bench::bind(&sizes!(Binds), report),
        _ => bench::drift(&sizes!(Drifts), report),
    }
}

fn number(words: &[String], flag: &str) -> Option<u64> {
    value(words, flag)?.parse().ok()
}

fn value<'a>(words: &'a [String], flag: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| word == flag)?;
    words.get(at + 1).map(String::as_str)
}
