//! `demo`: plays the story once, on a stage of its own, and says with its exit code whether every check passed.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use mooring_tests::{lab, story};

fn main() -> ExitCode {
    match play() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(stderr(), "demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn play() -> Result<bool> {
    ensure!(nix::unistd::geteuid().is_root(), "network namespaces need root: run it with sudo");
    lab::on_interrupt()?;
    story::run(&mut stdout())
}
