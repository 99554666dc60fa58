//! Every check and every set-up step of the project, by name: `cargo xtask --help` lists them.
//! It depends on nothing of ours, so it builds first and judges the rest from outside.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its terminal")]

mod bench;
mod check;
mod demo;
mod lab;
mod run;
mod setup;
mod test;
mod tree;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Every check and every set-up step of Mooring has one name here.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Installs what is missing on a Debian machine (needs root); says what it did
    Setup,
    /// Builds, makes the lab and runs the whole story with real packets (needs root)
    Demo,
    /// Builds for release and measures; every figure beside a peer of the same run
    Bench(bench::Bench),
    /// Runs setup, every check and every group of tests; or only the groups named
    Test {
        /// core, log, api, packets, holder, faults, bench, compose
        #[arg(value_name = "GROUP", value_parser = test::group_names())]
        groups: Vec<String>,
    },
    /// Removes namespaces and processes that labs of dead runs left behind (needs root)
    CleanLab,
    /// Runs every check below
    Check,
    /// Formatting is rustfmt's
    Fmt,
    /// Clippy finds nothing, in code and in tests
    Lint,
    /// Crates depend on each other only along the allowed arrows
    Arrows,
    /// No source file is over 500 lines, lacks its first words or bears a name for anything
    Sizes,
    /// proto/ keeps Buf's rules, and stored events keep their wire format
    Proto {
        /// Enters new fields of stored events into proto/event.lock; never changes an old line
        #[arg(long)]
        accept: bool,
    },
    /// No unfinished work, no ignored test, no path of a build machine, no word outside the vocabulary
    Words,
    /// Every path and every xtask command that the docs mention exists
    Links,
}

fn main() -> ExitCode {
    match run::forward_interrupts().and_then(|()| dispatch(Cli::parse().verb)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(verb: Verb) -> anyhow::Result<ExitCode> {
    use check::Check;
    let count = match verb {
        Verb::Setup => return setup::everything().map(|()| ExitCode::SUCCESS),
        Verb::Demo => return demo::demo(),
        Verb::Bench(bench) => return bench::bench(&bench),
        Verb::CleanLab => return lab::clean().map(|()| ExitCode::SUCCESS),
        Verb::Proto { accept: true } => return check::accept_events().map(|()| ExitCode::SUCCESS),
        Verb::Test { groups } => test::test(&groups)?,
        Verb::Check => check::run(&Check::ALL)?,
        Verb::Fmt => check::run(&[Check::Fmt])?,
        Verb::Lint => check::run(&[Check::Lint])?,
        Verb::Arrows => check::run(&[Check::Arrows])?,
        Verb::Sizes => check::run(&[Check::Sizes])?,
        Verb::Proto { accept: false } => check::run(&[Check::Proto])?,
        Verb::Words => check::run(&[Check::Words])?,
        Verb::Links => check::run(&[Check::Links])?,
    };
    println!("{count}");
    Ok(if count.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
