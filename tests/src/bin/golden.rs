//! `golden FOLDER`: makes a golden log of today's format, with every kind of event. See tests/golden/README.md.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::path::Path;

use anyhow::{Context, Result};
use mooring_tests::golden;

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).context("usage: golden FOLDER")?;
    golden::make(Path::new(&folder))?;
    println!("{folder}: kinds {:?}", golden::kinds(Path::new(&folder))?);
    Ok(())
}
