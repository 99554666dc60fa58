//! What the tests with clients of other makes stand on: Python's gRPC, and buf out of npm, pinned to the version. They
//! are in a virtual environment of their own, so that the machine's Python and Node stay as they are. npm itself comes
//! out of a Python wheel: Debian's is hundreds of packages.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::python;
use crate::{run, tree};

/// The environment, from the root. `cargo clean` takes it away with the rest.
const FOLDER: &str = "target/clients";
/// The wheels, from the root.
const WHEELS: &str = "tests/clients/requirements.txt";
/// What those wheels bring that is used.
const MODULES: &str = "google.rpc, grpc, grpc_reflection, grpc_tools";
/// The package of npm, and its version.
const BUF: [&str; 2] = ["@bufbuild/buf", "1.75.0"];
/// In the environment: what it was made of. Written last, so one that was not finished is made anew.
const MADE_OF: &str = "made-of.txt";

/// Makes the environment unless it is there, and says what was done and how long it took.
pub fn clients() -> Result<()> {
    let folder = tree::root().join(FOLDER);
    let wheels = fs::read_to_string(tree::root().join(WHEELS)).context(WHEELS)?;
    let made_of = format!("{wheels}{}\n", BUF.join("=="));
    if fs::read_to_string(folder.join(MADE_OF)).is_ok_and(|found| found == made_of) && works(&folder) {
        println!("clients: Python's gRPC and buf {} are there", BUF[1]);
        return Ok(());
    }
    println!("clients: installing Python's gRPC and buf {} in {FOLDER}", BUF[1]);
    let begun = Instant::now();
    make(&folder)?;
    ensure!(works(&folder), "{FOLDER} was made, but buf or a module of {MODULES} does not run");
    fs::write(folder.join(MADE_OF), made_of)?;
    println!("clients: installed in {:.1} s", begun.elapsed().as_secs_f32());
    Ok(())
}

fn make(folder: &Path) -> Result<()> {
    python::needs("ensurepip", "python3-venv")?;
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {FOLDER}"))?;
    }
    run::succeed(python::command().args(["-m", "venv"]).arg(folder))?;
    run::succeed(
        inside(folder, "python")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--only-binary", ":all:", "--requirement", WHEELS]),
    )?;
    // Its scripts would only try the program out.
    run::succeed(
        inside(folder, "npm")
            .args(["install", "--global", "--ignore-scripts", "--no-audit", "--no-fund"])
            .args(["--loglevel=error", "--prefix"])
            .arg(folder)
            .arg(BUF.join("@")),
    )
}

/// A program of the environment, run at the root, where it finds the others of the environment.
fn inside(folder: &Path, program: &str) -> Command {
    let bin = folder.join("bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(bin.join(program));
    command.current_dir(tree::root()).env("PATH", format!("{}:{path}", bin.display())).stdin(Stdio::null());
    command
}

/// Everything in it runs; it does not when the folder was moved, or the machine's Python went away.
fn works(folder: &Path) -> bool {
    let buf = inside(folder, "buf").arg("--version").output();
    buf.is_ok_and(|said| said.status.success() && String::from_utf8_lossy(&said.stdout).trim() == BUF[1])
        && python::has(&mut inside(folder, "python"), MODULES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wheel_is_pinned_to_the_version() {
        let wheels = fs::read_to_string(tree::root().join(WHEELS)).unwrap();
        let pins: Vec<&str> = wheels.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(pins.iter().any(|pin| pin.starts_with("grpcio==")), "{pins:?}");
        for pin in pins {
            let (_, version) = pin.split_once("==").unwrap_or_else(|| panic!("{pin} is not pinned"));
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{pin}");
        }
    }

    #[test]
    fn what_is_installed_works_and_an_empty_folder_does_not() {
        assert!(works(&tree::root().join(FOLDER)), "cargo xtask setup installs it");
        assert!(!works(tempfile::tempdir().unwrap().path()));
    }
}
