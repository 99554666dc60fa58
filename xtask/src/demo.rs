//! The story of the README, from nothing: set up, build, run, and hand on the exit code of the run.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::run::{self, Reach};
use crate::{lab, setup, tree};

/// The demo makes the lab and removes it, also after a failure or Ctrl-C; what it could not remove is removed here.
pub fn demo() -> Result<ExitCode> {
    setup::setup()?;
    run::succeed(run::cargo().args(["build", "--package", "mooringd", "--package", "moor"]).args([
        "--package",
        "mooring-tests",
        "--bins",
    ]))?;
    lab::clean()?;
    let status = run::status(Command::new(built("demo")?).current_dir(tree::root()), Reach::Child)?;
    let left = lab::clean_and_count()?;
    if left > 0 {
        eprintln!("the demo left {left} namespaces behind; they are removed now");
        return Ok(ExitCode::FAILURE);
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Where the build put a program.
pub fn built(name: &str) -> Result<PathBuf> {
    Ok(tree::target()?.join("debug").join(name))
}
