//! Builds the whole workspace once and learns from cargo where each test program is.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};
use cargo_metadata::{Artifact, Message, TargetKind};

use crate::run::{self, Reach};

/// What a test program was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The tests inside a library or a binary.
    Unit,
    /// A file of a `tests` folder.
    Integration,
}

/// A built test program.
#[derive(Debug)]
pub struct Program {
    pub package: String,
    /// The target's name, as `cargo test --test NAME` takes it.
    pub name: String,
    pub kind: Kind,
    pub file: PathBuf,
    /// The package's folder, which tests run in.
    pub folder: PathBuf,
}

/// What the build gave.
pub struct Built {
    pub programs: Vec<Program>,
    /// False when something did not compile; what did is there all the same.
    pub complete: bool,
}

/// Builds every binary and every test.
pub fn everything() -> Result<Built> {
    let arguments = ["build", "--workspace", "--all-targets", "--keep-going"];
    println!("$ cargo {}", arguments.join(" "));
    let mut command = run::cargo();
    command.args(arguments).arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut running = run::start(&mut command, Reach::Group)?;
    let output = running.child.stdout.take().context("cargo has no output")?;
    let mut programs = Vec::new();
    for message in Message::parse_stream(std::io::BufReader::new(output)) {
        if let Message::CompilerArtifact(artifact) = message.context("cannot read what cargo says")? {
            programs.extend(program(artifact));
        }
    }
    let complete = running.child.wait()?.success();
    programs.sort_by(|a, b| (&a.package, &a.name).cmp(&(&b.package, &b.name)));
    Ok(Built { programs, complete })
}

fn program(artifact: Artifact) -> Option<Program> {
    let file = artifact.executable.filter(|_| artifact.profile.test)?;
    let kind = if artifact.target.kind.contains(&TargetKind::Test) { Kind::Integration } else { Kind::Unit };
    let folder: PathBuf = artifact.manifest_path.parent()?.into();
    Some(Program {
        package: package_of(&artifact.package_id.repr)?,
        name: artifact.target.name,
        kind,
        file: file.into(),
        folder,
    })
}

/// The name in `path+file:///…/tests#mooring-tests@0.1.0`, or in `…/xtask#0.1.0` where it is the folder's.
fn package_of(id: &str) -> Option<String> {
    let (path, version) = id.rsplit_once('#')?;
    let name = match version.split_once('@') {
        Some((name, _)) => name,
        None => path.rsplit('/').next()?,
    };
    Some(name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_known_by_its_id() {
        assert_eq!(package_of("path+file:///src/tests#mooring-tests@0.1.0").unwrap(), "mooring-tests");
        assert_eq!(package_of("path+file:///src/xtask#0.1.0").unwrap(), "xtask");
    }
}
