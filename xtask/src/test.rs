//! `cargo xtask test`: everything is built once, for the whole workspace, and then the test programs are run
//! group by group. (One `cargo test` per package would build the dependencies again for each set of features.)
//! A program that no group has, and a group that runs no test, are failures: nothing is left out silently.

mod build;
mod compose;
mod count;
mod groups;
mod program;
mod table;

use std::time::{Duration, Instant};

use anyhow::Result;

pub use count::Count;
pub use groups::names as group_names;

use crate::check::{self, Check};
use crate::{lab, run, setup};
use build::Program;
use groups::Group;
use table::{Step, Table};

/// Runs the named groups, or setup, every check and all groups, and says how each came out.
pub fn test(names: &[String]) -> Result<Count> {
    let mut table = Table::default();
    if names.is_empty() {
        table.step("setup", None, || setup::everything().map(|()| Count::default()))?;
    }
    table.step("clean-lab", None, || lab::clean().map(|()| Count::default()))?;
    let mut programs = Vec::new();
    table.step("build", Some(groups::BUILD_MINUTES), || {
        let built = build::everything()?;
        programs = built.programs;
        Ok(Count::failed(usize::from(!built.complete)))
    })?;
    if names.is_empty() {
        table.step("check", None, || check::run(&Check::ALL))?;
    }
    table.step("groups", None, || Ok(entered(&programs)))?;
    for group in
        groups::ALL.iter().filter(|group| names.is_empty() || names.iter().any(|name| name == group.name))
    {
        table.step(group.name, Some(group.minutes), || match group.name {
            compose::GROUP => compose::run(),
            _ => run_group(group, &programs),
        })?;
    }
    table.step("left over", None, left_over)?;
    Ok(table.finish())
}

/// Every test program is in a group, and every line of the groups has its program.
fn entered(programs: &[Program]) -> Count {
    let faults = groups::faults(programs);
    for fault in &faults {
        println!("  {fault}");
    }
    Count::failed(faults.len())
}

fn run_group(group: &Group, programs: &[Program]) -> Result<Count> {
    let (mut count, mut failed) = (Count::default(), Vec::new());
    for (program, threads) in groups::programs_of(group, programs) {
        let of_program = program::run(program, threads, Duration::from_secs(60 * group.minutes))?;
        run::go_on()?;
        if of_program.failed > 0 {
            failed.push(format!("{} of {}", program.name, program.package));
        }
        count += of_program;
    }
    if count == Count::default() {
        println!("group {} ran no test: that is a failure", group.name);
        count = Count::failed(1);
    }
    if !failed.is_empty() {
        println!("FAILED in {}", failed.join(", "));
    }
    Ok(count)
}

/// What a test leaves behind would change the next run.
fn left_over() -> Result<Count> {
    let left = lab::clean_and_count()?;
    Ok(Count::failed(left))
}

/// Times one piece of work.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = work();
    (done, begun.elapsed())
}

impl Table {
    /// Runs a step and enters how it came out: a step that is not a test counts only when it fails. Only Ctrl-C ends
    /// the whole run.
    fn step(
        &mut self,
        name: &'static str,
        minutes: Option<u64>,
        work: impl FnOnce() -> Result<Count>,
    ) -> Result<()> {
        println!("\n== {name}");
        let (done, took) = timed(work);
        if let Err(stop) = run::go_on() {
            drop(lab::clean());
            return Err(stop);
        }
        let count = done.unwrap_or_else(|error| {
            println!("{name} failed: {error:#}");
            Count::failed(1)
        });
        self.enter(Step { name, minutes, took, count });
        Ok(())
    }
}
