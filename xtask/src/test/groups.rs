//! Which test belongs to which group: the one table to add a line to. The first line that fits a program has it,
//! so a package's named tests stand before its `Rest`.

use super::build::{Kind, Program};

/// Minutes the build of everything may take on a fresh machine with two cores.
pub const BUILD_MINUTES: u64 = 12;

/// A group and its budget. Over the budget is said loudly; a single program that takes that long is ended.
pub struct Group {
    pub name: &'static str,
    pub minutes: u64,
}

/// In the order in which they run.
pub const ALL: &[Group] = &[
    Group { name: "core", minutes: 2 },
    Group { name: "log", minutes: 8 },
    Group { name: "api", minutes: 8 },
    Group { name: "packets", minutes: 10 },
    Group { name: "holder", minutes: 8 },
    Group { name: "faults", minutes: 15 },
    Group { name: "bench", minutes: 8 },
    Group { name: super::compose::GROUP, minutes: 12 },
];

/// Which programs of a package a line is for.
#[derive(Clone, Copy)]
enum Which {
    /// `tests/NAME.rs`
    Test(&'static str),
    /// The tests inside its library and binaries.
    Unit,
    /// Whatever has no line before this one.
    Rest,
}

struct Line {
    group: &'static str,
    package: &'static str,
    which: Which,
    /// How many tests of a program run at once; `None` is one per core. Tests that measure time, or fill the kernel
    /// of this machine, run one at a time.
    threads: Option<usize>,
}

const fn line(group: &'static str, package: &'static str, which: Which, threads: Option<usize>) -> Line {
    Line { group, package, which, threads }
}

const LINES: &[Line] = &[
    line("core", "xtask", Which::Rest, None),
    line("core", "mooring-domain", Which::Rest, None),
    line("core", "mooring-proto", Which::Rest, None),
    line("core", "mooring-ledger", Which::Rest, None),
    line("core", "mooring-past", Which::Rest, None),
    line("core", "mooring-runtime", Which::Rest, None),
    line("core", "moor", Which::Unit, None),
    line("core", "mooringd", Which::Unit, None),
    line("core", "mooring-resource", Which::Unit, None),
    line("core", "mooring-binding", Which::Unit, None),
    line("core", "mooring-health", Which::Unit, None),
    line("core", "mooring-dataplane-sync", Which::Unit, None),
    line("core", "mooring-dataplane", Which::Unit, None),
    line("core", "mooring-tests", Which::Unit, None),
    line("log", "mooring-event-log", Which::Rest, None),
    line("api", "moor", Which::Rest, None),
    line("api", "mooringd", Which::Rest, None),
    line("api", "mooring-resource", Which::Rest, None),
    line("api", "mooring-binding", Which::Rest, None),
    line("api", "mooring-health", Which::Rest, None),
    line("api", "mooring-dataplane-sync", Which::Rest, None),
    line("core", "mooring-dataplane", Which::Test("fake"), None),
    line("core", "mooring-dataplane", Which::Test("places"), None),
    line("api", "mooring-tests", Which::Test("api"), None),
    line("api", "mooring-tests", Which::Test("events"), None),
    line("api", "mooring-tests", Which::Test("bad_input"), None),
    line("api", "mooring-tests", Which::Test("bad_surroundings"), Some(1)),
    line("log", "mooring-tests", Which::Test("jetstream"), None),
    line("log", "mooring-tests", Which::Test("replay"), None),
    line("api", "mooring-tests", Which::Test("explain"), None),
    line("api", "mooring-tests", Which::Test("nats_admin"), None),
    line("api", "mooring-tests", Which::Test("deploy"), Some(1)),
    line("api", "mooring-tests", Which::Test("foreign_clients"), None),
    line("bench", "mooring-tests", Which::Test("bench"), Some(1)),
    line("packets", "mooring-dataplane", Which::Rest, Some(1)),
    line("packets", "mooring-tests", Which::Test("lab"), Some(1)),
    line("packets", "mooring-tests", Which::Test("gateway"), Some(1)),
    line("packets", "mooring-tests", Which::Test("packets"), Some(2)),
    line("packets", "mooring-tests", Which::Test("own_namespace"), Some(2)),
    line("packets", "mooring-tests", Which::Test("two_gateways"), Some(1)),
    line("holder", "mooring-tests", Which::Test("holder"), Some(1)),
    line("packets", "mooring-tests", Which::Test("story"), Some(1)),
    line("holder", "mooring-tests", Which::Test("keepalived"), Some(1)),
    line("packets", "mooring-tests", Which::Test("oracle"), Some(1)),
    line("packets", "mooring-tests", Which::Test("many_vpcs"), Some(1)),
    line("faults", "mooring-tests", Which::Test("processes"), Some(2)),
    line("faults", "mooring-tests", Which::Test("faults"), None),
    line("faults", "mooring-tests", Which::Test("lost_end"), None),
    line("faults", "mooring-tests", Which::Test("durable"), None),
    line("faults", "mooring-tests", Which::Test("floods"), Some(1)),
    line("faults", "mooring-tests", Which::Test("kills"), Some(1)),
    line("faults", "mooring-tests", Which::Test("fight"), Some(1)),
    line("faults", "mooring-tests", Which::Test("model"), None),
    line("faults", "mooring-tests", Which::Test("linearizable"), None),
    line("faults", "mooring-tests", Which::Test("cluster_kills"), Some(1)),
    line("faults", "mooring-tests", Which::Test("partitions"), Some(1)),
];

/// The names that `cargo xtask test` takes.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|group| group.name).collect()
}

/// The programs of a group, each with its number of threads.
pub fn programs_of<'a>(group: &Group, programs: &'a [Program]) -> Vec<(&'a Program, Option<usize>)> {
    let in_group = |program: &'a Program| {
        let line = line_of(program).filter(|line| line.group == group.name)?;
        Some((program, line.threads))
    };
    programs.iter().filter_map(in_group).collect()
}

/// Programs without a line, and lines without a program.
pub fn faults(programs: &[Program]) -> Vec<String> {
    let lost = programs.iter().filter(|program| line_of(program).is_none()).map(|program| {
        format!(
            "{} of {} is in no group: add a line to xtask/src/test/groups.rs",
            program.name, program.package
        )
    });
    let gone = LINES.iter().filter_map(|line| match line.which {
        Which::Test(name) if !programs.iter().any(|program| line.is_for(program)) => Some(format!(
            "{name} of {} has a line in xtask/src/test/groups.rs but does not exist",
            line.package
        )),
        _ => None,
    });
    lost.chain(gone).collect()
}

fn line_of(program: &Program) -> Option<&'static Line> {
    LINES.iter().find(|line| line.is_for(program))
}

impl Line {
    fn is_for(&self, program: &Program) -> bool {
        let fits = match self.which {
            Which::Test(name) => program.kind == Kind::Integration && program.name == name,
            Which::Unit => program.kind == Kind::Unit,
            Which::Rest => true,
        };
        fits && self.package == program.package
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(package: &str, name: &str, kind: Kind) -> Program {
        Program { package: package.into(), name: name.into(), kind, file: "x".into(), folder: "x".into() }
    }

    #[test]
    fn a_test_nobody_entered_is_found() {
        let found = faults(&[program("mooring-tests", "brand_new", Kind::Integration)]);
        assert!(found[0].contains("brand_new of mooring-tests is in no group"), "{found:?}");
    }

    #[test]
    fn a_line_without_its_test_is_found() {
        assert!(faults(&[]).iter().any(|fault| fault.contains("lab of mooring-tests has a line")));
    }

    #[test]
    fn every_line_names_a_group_that_exists() {
        for line in LINES {
            assert!(names().contains(&line.group), "{} of {}", line.group, line.package);
        }
    }

    #[test]
    fn unit_tests_and_kernel_tests_of_one_package_go_to_different_groups() {
        let programs = [
            program("mooring-dataplane", "mooring_dataplane", Kind::Unit),
            program("mooring-dataplane", "kernel", Kind::Integration),
        ];
        let of = |name: &str| {
            let group = ALL.iter().find(|group| group.name == name).unwrap();
            programs_of(group, &programs)
                .iter()
                .map(|(found, threads)| (found.kind, *threads))
                .collect::<Vec<_>>()
        };
        assert_eq!(of("core"), [(Kind::Unit, None)]);
        assert_eq!(of("packets"), [(Kind::Integration, Some(1))]);
    }
}
