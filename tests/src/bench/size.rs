//! What the programs weigh: their sizes, the crates that they are made of, and how long a build from nothing takes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::apart::SERVICES;
use super::figure::Figure;
use super::report::Report;
use crate::server::{own_folder, program};

const BENCH: &str = "size";
/// Programs besides the services, each a package of its name.
const PROGRAMS: [&str; 2] = ["mooringd", "moor"];

/// Measures those beside this one; with `cold` also a release build of all of them into an empty folder.
pub fn size(cold: bool, report: &mut Report) -> Result<()> {
    let packages = Packages::here()?;
    for name in PROGRAMS.into_iter().chain(SERVICES) {
        let path = program(name)?;
        report.enter(figure(&format!("{name}, the program"), megabytes(&path)?, "MB"))?;
        report.enter(figure(&format!("{name}, without what debuggers read"), stripped(&path)?, "MB"))?;
        let crates = packages.below(name)?;
        report.enter(figure(&format!("{name}, crates of others in it"), crates as f64, "crates"))?;
    }
    report.enter(figure("the lock file, crates of others", locked()? as f64, "crates"))?;
    if cold { built(report) } else { Ok(()) }
}

fn figure(case: &str, value: f64, unit: &'static str) -> Figure {
    Figure::new(BENCH, case, value, unit)
}

fn megabytes(path: &Path) -> Result<f64> {
    Ok(path.metadata()?.len() as f64 / 1e6)
}

fn stripped(path: &Path) -> Result<f64> {
    let folder = own_folder()?;
    let copy = folder.path().join("stripped");
    let status = Command::new("strip").arg(path).arg("-o").arg(&copy).status().context("strip")?;
    ensure!(status.success(), "strip ended with {status}");
    megabytes(&copy)
}

fn workspace() -> Result<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(tests.parent().context("a package without a workspace")?.to_owned())
}

/// Crates out of a registry, for whatever platform and for tests, too.
fn locked() -> Result<usize> {
    let lock = std::fs::read_to_string(workspace()?.join("Cargo.lock"))?;
    Ok(lock.lines().filter(|line| line.starts_with("source = ")).count())
}

/// A build from nothing, with all cores: the programs that run on a gateway or beside one.
fn built(report: &mut Report) -> Result<()> {
    let folder = own_folder()?;
    let packages = PROGRAMS.into_iter().chain(SERVICES).flat_map(|name| ["--package", name]);
    let begin = Instant::now();
    let status = cargo()?
        .args(["build", "--release", "--bins", "--quiet", "--target-dir"])
        .arg(folder.path())
        .args(packages)
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "the build ended with {status}");
    report.enter(figure("a release build from nothing", begin.elapsed().as_secs_f64(), "s"))
}

fn cargo() -> Result<Command> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()?).stdin(Stdio::null());
    Ok(cargo)
}

/// What depends on what, as `cargo metadata` says it.
struct Packages(Value);

impl Packages {
    /// Of this workspace, on a machine such as this one.
    fn here() -> Result<Packages> {
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let said = cargo()?
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &platform])
            .output()?;
        ensure!(said.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&said.stderr));
        Ok(Packages(serde_json::from_slice(&said.stdout)?))
    }

    /// Crates out of a registry that are linked into a program, or into what builds it.
    fn below(&self, program: &str) -> Result<usize> {
        let of = |package: &&Value| package["name"] == program && package["source"].is_null();
        let root = self.packages().find(of).with_context(|| format!("no package {program}"))?;
        let mut seen = BTreeSet::new();
        let mut next = vec![root["id"].as_str().context("a package without an id")?];
        while let Some(id) = next.pop() {
            if seen.insert(id) {
                next.extend(self.needs(id));
            }
        }
        let others = self.packages().filter(|package| !package["source"].is_null());
        Ok(others.filter_map(|package| package["id"].as_str()).filter(|id| seen.contains(id)).count())
    }

    /// Its dependencies, without those of its tests.
    fn needs(&self, id: &str) -> impl Iterator<Item = &str> {
        let nodes = self.0["resolve"]["nodes"].as_array().into_iter().flatten();
        let of_it = nodes.filter(move |node| node["id"] == id);
        let all = of_it.flat_map(|node| node["deps"].as_array().into_iter().flatten());
        let is_built = |dependency: &&Value| {
            let kinds = dependency["dep_kinds"].as_array();
            kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"] != "dev"))
        };
        all.filter(is_built).filter_map(|dependency| dependency["pkg"].as_str())
    }

    fn packages(&self) -> impl Iterator<Item = &Value> {
        self.0["packages"].as_array().into_iter().flatten()
    }
}
