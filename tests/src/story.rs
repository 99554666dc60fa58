//! The story that the demo shows: what a tenant and an operator see, from the first VPC to the last unbind, with real
//! packets. Every line is a check with its figure.

mod bound;
mod created;
mod failover;
mod history;
mod killed;
mod report;
mod scene;
mod unbound;

use std::io::Write;

use anyhow::Result;

pub use report::Report;

use scene::Scene;

/// Plays the whole story and writes it down, line by line. The result says whether every check passed.
pub fn run(out: &mut dyn Write) -> Result<bool> {
    let mut report = Report::new(out);
    if let Err(error) = play(&mut report) {
        report.stopped(&error);
    }
    report.finish()
}

/// An error here ends the story: what follows could not be told without it.
fn play(report: &mut Report) -> Result<()> {
    let mut scene = Scene::set()?;
    created::play(&mut scene, report)?;
    bound::play(&mut scene, report)?;
    failover::play(&mut scene, report)?;
    killed::play(&mut scene, report)?;
    unbound::play(&mut scene, report)?;
    history::play(&mut scene, report)
}
