//! Who may depend on whom. The table is the architecture: a crate that is not in it does not pass, so a new
//! one is a decision made here. The pure core is also kept away from everything that waits, logs or reads a clock.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use crate::{run, tree};

/// A crate of ours and the arrows it may have.
struct Allowed {
    name: &'static str,
    /// Crates of ours that its code may use.
    code: &'static [&'static str],
    /// Crates of ours that its tests may use on top of these.
    tests: &'static [&'static str],
}

/// Every crate of ours but those that nothing may use.
const ANYTHING: &[&str] = &["*"];
const FOR_NOBODY: [&str; 2] = ["mooring-tests", "xtask"];
const SERVICE: &[&str] = &["mooring-domain", "mooring-proto", "mooring-ledger", "mooring-runtime"];

const ALLOWED: &[Allowed] = &[
    Allowed { name: "mooring-domain", code: &[], tests: &[] },
    Allowed { name: "mooring-event-log", code: &[], tests: &[] },
    Allowed { name: "mooring-runtime", code: &[], tests: &[] },
    Allowed { name: "mooring-proto", code: &["mooring-domain"], tests: &[] },
    Allowed {
        name: "mooring-ledger",
        code: &["mooring-domain", "mooring-proto", "mooring-event-log"],
        tests: &[],
    },
    Allowed { name: "mooring-dataplane", code: &["mooring-domain"], tests: &[] },
    // What two services would repeat otherwise: questions about the past.
    Allowed {
        name: "mooring-past",
        code: &["mooring-domain", "mooring-proto", "mooring-event-log", "mooring-ledger"],
        tests: &[],
    },
    // A service's tests may bring a log; never another service.
    Allowed { name: "mooring-resource", code: SERVICE, tests: &["mooring-event-log"] },
    Allowed { name: "mooring-binding", code: SERVICE, tests: &["mooring-event-log"] },
    Allowed { name: "mooring-health", code: SERVICE, tests: &["mooring-event-log"] },
    Allowed {
        name: "mooring-dataplane-sync",
        code: &[
            "mooring-domain",
            "mooring-proto",
            "mooring-ledger",
            "mooring-runtime",
            "mooring-dataplane",
            "mooring-event-log",
            "mooring-past",
        ],
        tests: &[],
    },
    Allowed { name: "mooringd", code: ANYTHING, tests: &[] },
    // The log itself only for its administrator: making, copying, and folding it where it lies. A kernel only of a namespace
    // that it made itself.
    Allowed {
        name: "moor",
        code: &[
            "mooring-proto",
            "mooring-domain",
            "mooring-event-log",
            "mooring-ledger",
            "mooring-past",
            "mooring-dataplane",
        ],
        tests: &[],
    },
    Allowed { name: "mooring-tests", code: ANYTHING, tests: &[] },
    Allowed { name: "xtask", code: &[], tests: &[] },
];

/// What the pure core must not reach, however far away: what awaits, logs or reads the wall clock.
const PURE: &str = "mooring-domain";
const IMPURE: &[&str] = &[
    "async-std",
    "async-trait",
    "chrono",
    "futures",
    "futures-core",
    "hyper",
    "log",
    "mio",
    "nix",
    "smol",
    "time",
    "tokio",
    "tonic",
    "tracing",
];

/// Every forbidden arrow of the workspace.
pub fn findings() -> Result<Vec<String>> {
    let metadata =
        MetadataCommand::new().current_dir(tree::root()).no_deps().exec().context("cargo metadata failed")?;
    let mut found = forbidden(&arrows(&metadata));
    found.extend(impure(&reached_by_code(PURE)?));
    Ok(found)
}

/// One crate of the workspace and what it names in its manifest.
#[derive(Default)]
struct Crate {
    name: String,
    code: BTreeSet<String>,
    tests: BTreeSet<String>,
}

fn arrows(metadata: &Metadata) -> Vec<Crate> {
    let members = metadata.workspace_packages();
    let ours: BTreeSet<String> = members.iter().map(|package| package.name.to_string()).collect();
    let one = |package: &&cargo_metadata::Package| {
        let mut found = Crate { name: package.name.to_string(), ..Crate::default() };
        for dependency in package.dependencies.iter().filter(|dependency| ours.contains(&dependency.name)) {
            let tests = dependency.kind == DependencyKind::Development;
            let arrows = if tests { &mut found.tests } else { &mut found.code };
            arrows.insert(dependency.name.clone());
        }
        found
    };
    members.iter().map(one).collect()
}

fn forbidden(crates: &[Crate]) -> Vec<String> {
    let mut found = Vec::new();
    for Crate { name, code, tests } in crates {
        let Some(allowed) = ALLOWED.iter().find(|allowed| allowed.name == name) else {
            found.push(format!(
                "{name}: not in the table of xtask/src/check/arrows.rs; enter it with its arrows"
            ));
            continue;
        };
        let may = |list: &[&str], to: &String| {
            list.contains(&to.as_str()) || (list == ANYTHING && !FOR_NOBODY.contains(&to.as_str()))
        };
        found.extend(
            code.iter()
                .filter(|to| !may(allowed.code, to))
                .map(|to| format!("{name} → {to}: a forbidden arrow")),
        );
        let in_tests = |to: &&String| !may(allowed.code, to) && !may(allowed.tests, to);
        found.extend(
            tests.iter().filter(in_tests).map(|to| format!("{name} → {to} (tests): a forbidden arrow")),
        );
    }
    for allowed in ALLOWED {
        if !crates.iter().any(|found| found.name == allowed.name) {
            found.push(format!("{}: in the table but not in the workspace", allowed.name));
        }
    }
    found
}

fn impure(reached: &BTreeSet<String>) -> Vec<String> {
    let named = IMPURE.iter().filter(|name| reached.contains(**name));
    named.map(|name| format!("{PURE} reaches {name}: the core does no I/O and reads no clock")).collect()
}

/// Names of all crates that the code of `package` is built with, its tests and build scripts apart. Cargo's tree says
/// it for the package by itself; `cargo metadata` would add what other members switch on.
fn reached_by_code(package: &str) -> Result<BTreeSet<String>> {
    let arguments =
        ["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let output = run::cargo().args(arguments).output().context("cannot run cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let lines = String::from_utf8(output.stdout)?;
    Ok(lines.lines().filter_map(|line| line.split(' ').next()).map(String::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The allowed workspace, with one crate changed.
    fn workspace(name: &str, code: &[&str], tests: &[&str]) -> Vec<Crate> {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let mut crates: Vec<Crate> = ALLOWED
            .iter()
            .filter(|allowed| allowed.name != name)
            .map(|allowed| Crate { name: allowed.name.into(), ..Crate::default() })
            .collect();
        crates.push(Crate { name: name.into(), code: set(code), tests: set(tests) });
        crates
    }

    #[test]
    fn an_allowed_arrow_passes() {
        assert!(
            forbidden(&workspace("mooring-binding", &["mooring-ledger"], &["mooring-event-log"])).is_empty()
        );
        assert!(forbidden(&workspace("mooringd", &["mooring-binding", "mooring-health"], &[])).is_empty());
    }

    #[test]
    fn nothing_depends_on_the_tests_or_on_xtask() {
        assert_eq!(forbidden(&workspace("mooringd", &["mooring-tests", "xtask"], &[])).len(), 2);
    }

    #[test]
    fn a_service_that_uses_another_is_found_in_code_and_in_tests() {
        let found = forbidden(&workspace("mooring-binding", &["mooring-resource"], &["mooring-health"]));
        assert_eq!(
            found,
            [
                "mooring-binding → mooring-resource: a forbidden arrow",
                "mooring-binding → mooring-health (tests): a forbidden arrow",
            ]
        );
    }

    #[test]
    fn the_core_depends_on_nothing_of_ours_even_in_tests() {
        assert_eq!(forbidden(&workspace("mooring-domain", &[], &["mooring-proto"])).len(), 1);
    }

    #[test]
    fn what_only_tests_may_use_is_forbidden_in_code() {
        assert_eq!(forbidden(&workspace("mooring-health", &["mooring-event-log"], &[])).len(), 1);
    }

    #[test]
    fn a_crate_nobody_entered_is_found_and_so_is_one_that_went_away() {
        assert!(forbidden(&workspace("mooring-new", &[], &[]))[0].contains("not in the table"));
        let mut crates = workspace("mooring-proto", &[], &[]);
        crates.retain(|found| found.name != "mooring-proto");
        assert_eq!(forbidden(&crates), ["mooring-proto: in the table but not in the workspace"]);
    }

    #[test]
    fn a_core_that_reaches_a_runtime_is_found() {
        let reached = ["imbl", "tokio"].map(String::from).into();
        assert_eq!(
            impure(&reached),
            ["mooring-domain reaches tokio: the core does no I/O and reads no clock"]
        );
    }

    #[test]
    fn what_the_real_core_is_built_with_is_seen_and_what_only_tests_use_is_not() {
        let reached = reached_by_code(PURE).unwrap();
        assert!(reached.contains("imbl"), "a direct dependency");
        assert!(reached.contains("archery"), "a dependency of imbl");
        assert!(!reached.contains("proptest"), "only tests use it");
    }
}
