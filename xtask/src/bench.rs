//! Figures: builds everything for release and has the driver of the tests' package measure it. xtask itself depends on
//! nothing of ours.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::run::{self, Reach};
use crate::{setup, tree};

/// What is measured, as `docs/benchmarks.md` describes it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Name {
    /// Binds per second and their latency: mooringd, and four processes over JetStream
    Jetstream,
    /// How long starts take, from scratch and with a snapshot
    Start,
    /// How long a question takes that is asked of a log of many events
    Events,
    /// How fast a log is folded and verified where it lies, and what a fold takes of memory
    Replay,
    /// Durable commands in a second over gRPC, and whole binds; beside UmaDB and a bare echo
    Throughput,
    /// Reads in a second, beside a bare echo; how long after a commit a thousand watchers know
    Reads,
    /// What a binding takes of memory in each service, and in the kernel
    Memory,
    /// Claims in a second from the wire to the log, and what an idle region with many HAVIPs takes of a processor
    Claims,
    /// How large the programs are, how many crates they are made of; --cold: how long a build from nothing takes
    Size,
    /// How long a failover takes: to the kernel, to the first packet, and for a client; a thousand at once
    Failover,
    /// How many packets a second pass a gateway, and TCP through it
    Packets,
    /// How long a kernel takes to get all bindings, and a killed process to be ready
    Load,
    /// How long a bind takes, to the kernel and to the first packet
    Bind,
    /// How long what was deleted behind a gateway's back is missing
    Drift,
}

#[derive(Debug, Args)]
pub struct Bench {
    name: Name,
    /// A JSON object for each figure, and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// As little as shows that it works: the figures are of no use
    #[arg(long)]
    short: bool,
    /// How many events the log has that is started on, asked, or folded [default: 1000000]
    #[arg(long)]
    events: Option<u64>,
    /// Of sizes also how long a build from nothing takes: ten minutes
    #[arg(long)]
    cold: bool,
    /// Binds with so many clients only: 1, 16 or 256
    #[arg(long)]
    clients: Option<u64>,
    /// How many bindings there are whose memory is measured [default: 100000]; packets, load, bind and drift with so many only
    #[arg(long)]
    bindings: Option<u64>,
    /// Of failovers only the outages that clients see, claims by themselves, many at once, or what health takes; of claims only
    /// those from the wire through the log, what health takes, or the quiet region
    #[arg(long, value_parser = ["outages", "claims", "many", "taken", "through", "quiet"])]
    part: Option<String>,
}

/// The programs that are measured, and the one that measures.
const PACKAGES: [&str; 7] = [
    "mooringd",
    "moor",
    "mooring-resource",
    "mooring-binding",
    "mooring-health",
    "mooring-dataplane-sync",
    "mooring-tests",
];

/// Builds, measures, and hands on the driver's exit code.
pub fn bench(bench: &Bench) -> Result<ExitCode> {
    if !bench.json {
        setup::setup()?;
        // Peers are measured by full runs alone.
        match bench.name {
            Name::Throughput if !bench.short => setup::umadb()?,
            Name::Packets if !bench.short => setup::needs("iperf3", "iperf3")?,
            Name::Bind if !bench.short => setup::needs("ovn-northd", "ovn-central")?,
            _ => {}
        }
    }
    let packages = PACKAGES.iter().flat_map(|package| ["--package", package]);
    let mut build = run::cargo();
    build.args(["build", "--release", "--bins"]).args(packages);
    // What cargo says goes to stderr.
    if !run::start(&mut build, Reach::Group)?.child.wait()?.success() {
        bail!("the release build failed");
    }
    run::go_on()?;
    let mut driver = Command::new(built("bench")?);
    driver.current_dir(tree::root()).args(bench.words());
    let status = run::start(&mut driver, Reach::Child)?.child.wait()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

impl Bench {
    /// The driver's arguments.
    fn words(&self) -> Vec<String> {
        let name = match self.name {
            Name::Jetstream => "jetstream",
            Name::Start => "start",
            Name::Events => "events",
            Name::Replay => "replay",
            Name::Throughput => "throughput",
            Name::Reads => "reads",
            Name::Memory => "memory",
            Name::Claims => "claims",
            Name::Size => "size",
            Name::Failover => "failover",
            Name::Packets => "packets",
            Name::Load => "load",
            Name::Bind => "bind",
            Name::Drift => "drift",
        };
        let mut words = vec![name.to_owned()];
        words.extend(self.json.then(|| "--json".to_owned()));
        words.extend(self.short.then(|| "--short".to_owned()));
        words.extend(self.cold.then(|| "--cold".to_owned()));
        let numbers = [("--events", self.events), ("--clients", self.clients), ("--bindings", self.bindings)];
        for (flag, number) in numbers {
            words.extend(number.iter().flat_map(|number| [flag.to_owned(), number.to_string()]));
        }
        words.extend(self.part.iter().flat_map(|part| ["--part".to_owned(), part.clone()]));
        words
    }
}

fn built(name: &str) -> Result<PathBuf> {
    Ok(tree::target()?.join("release").join(name))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bench: Bench,
    }

    #[test]
    fn the_driver_is_told_what_xtask_was() {
        let line = Line::parse_from(["bench", "start", "--events", "5000", "--short", "--json"]);
        assert_eq!(line.bench.words(), ["start", "--json", "--short", "--events", "5000"]);
        let line = Line::parse_from(["bench", "jetstream", "--clients", "16"]);
        assert_eq!(line.bench.words(), ["jetstream", "--clients", "16"]);
        let line = Line::parse_from(["bench", "memory", "--bindings", "1000"]);
        assert_eq!(line.bench.words(), ["memory", "--bindings", "1000"]);
        let line = Line::parse_from(["bench", "packets", "--bindings", "1000"]);
        assert_eq!(line.bench.words(), ["packets", "--bindings", "1000"]);
        let line = Line::parse_from(["bench", "failover", "--part", "claims"]);
        assert_eq!(line.bench.words(), ["failover", "--part", "claims"]);
    }
}
