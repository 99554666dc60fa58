//! The checks. Each gives its findings as lines for people; none means that it passed.

pub mod arrows;
pub mod links;
pub mod proto;
pub mod sizes;
pub mod words;

use std::time::Instant;

use anyhow::Result;

use crate::run::{self, Reach};
use crate::test::Count;

/// A check by name. `cargo xtask NAME` runs it alone.
#[derive(Clone, Copy)]
pub enum Check {
    Fmt,
    Arrows,
    Sizes,
    Proto,
    Words,
    Links,
    Lint,
}

impl Check {
    /// The quick ones first.
    pub const ALL: [Self; 7] =
        [Self::Fmt, Self::Arrows, Self::Sizes, Self::Proto, Self::Words, Self::Links, Self::Lint];

    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Lint => "lint",
            Self::Arrows => "arrows",
            Self::Sizes => "sizes",
            Self::Proto => "proto",
            Self::Words => "words",
            Self::Links => "links",
        }
    }

    fn findings(self) -> Result<Vec<String>> {
        match self {
            Self::Fmt => cargo(&["fmt", "--all", "--check"]),
            Self::Lint => cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
            Self::Arrows => arrows::findings(),
            Self::Sizes => sizes::findings(),
            Self::Proto => proto::findings(),
            Self::Words => words::findings(),
            Self::Links => links::findings(),
        }
    }
}

/// Runs each, prints what it found, and counts checks that passed.
pub fn run(checks: &[Check]) -> Result<Count> {
    let mut count = Count::default();
    for check in checks {
        let begun = Instant::now();
        let findings = check.findings().unwrap_or_else(|error| vec![format!("{error:#}")]);
        run::go_on()?;
        for finding in &findings {
            println!("  {finding}");
        }
        let verdict =
            if findings.is_empty() { "ok".into() } else { format!("FAILED, {} found", findings.len()) };
        println!("check {}: {verdict} ({:.1} s)", check.name(), begun.elapsed().as_secs_f32());
        count += if findings.is_empty() { Count::passed(1) } else { Count::failed(1) };
    }
    Ok(count)
}

/// Enters new fields of stored events into the lock file.
pub fn accept_events() -> Result<()> {
    proto::accept()
}

fn cargo(arguments: &[&str]) -> Result<Vec<String>> {
    let status = run::status(run::cargo().args(arguments), Reach::Group)?;
    Ok(if status.success() { vec![] } else { vec![format!("cargo {} failed: {status}", arguments[0])] })
}
