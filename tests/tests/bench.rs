//! The benchmarks run, so that they can't rot: the short form, on whatever was built. How much it was is not judged here,
//! on a machine with other things to do; that there is every figure, and that none is nothing, is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::sink;

use mooring_tests::bench::{self, Binds, Drifts, Failovers, Figure, Loads, Packets, Report, Sizes};

fn of<'a>(report: &'a Report, words: &[&str]) -> Vec<&'a Figure> {
    let has = |figure: &&Figure| words.iter().all(|word| figure.case.contains(word));
    report.figures().iter().filter(has).collect()
}

#[test]
fn binds_have_a_rate_latencies_and_a_peer_for_every_number_of_clients() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::jetstream(&Sizes::short(), &mut report).unwrap();
    for clients in [" 1 clients", " 16 clients", " 256 clients"] {
        for act in ["binds", "unbinds"] {
            let cases =
                ["", ", p50", ", p90", ", p99"].map(|what| format!("four processes,{clients}: {act}{what}"));
            for case in cases {
                let figure = report.figures().iter().find(|figure| figure.case == case);
                let figure = figure.unwrap_or_else(|| panic!("no figure for {case}"));
                assert!(figure.value > 0.0 && figure.ratio().unwrap() > 0.0, "{figure}");
            }
        }
    }
    assert_eq!(
        of(&report, &["four processes", "16 clients: binds, CPU of"]).len(),
        6,
        "each process, NATS, the clients"
    );
    for bare in of(&report, &["bare durable publishes"]) {
        assert!(bare.value > 0.0, "{bare}");
    }
    let goals: Vec<_> = report.figures().iter().filter(|figure| figure.goal.is_some()).collect();
    assert_eq!(goals.len(), 4, "two goals, for both systems: {goals:?}");
}

#[test]
fn folds_and_checks_of_a_log_where_it_lies_are_measured_beside_its_reading() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::replay(5_000, &mut report).unwrap();
    for what in ["events folded", "any point of the log", "memory for each binding"] {
        for whose in ["what kernels should have", "the whole region"] {
            let found = of(&report, &[what, whose]);
            assert!(
                found.len() == 1 && found[0].value >= 0.0 && found[0].goal.is_some(),
                "{what}: {found:?}"
            );
        }
    }
    assert!(of(&report, &["verified"])[0].ratio().unwrap() > 0.0);
    assert!(of(&report, &["events in the log"])[0].value >= 5_000.0);
    assert!(of(&report, &["bindings at the log's end"])[0].value >= 100.0);
}

#[test]
fn starts_are_measured_from_scratch_and_with_a_snapshot() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::start(5_000, &mut report).unwrap();
    assert!(of(&report, &["events in the log"])[0].value >= 5_000.0);
    for program in
        ["mooringd", "mooring-resource", "mooring-binding", "mooring-health", "mooring-dataplane-sync"]
    {
        for way in ["from scratch", "with a snapshot"] {
            let found = of(&report, &[program, way]);
            assert!(found.len() == 1 && found[0].value > 0.0, "{program}, {way}: {found:?}");
        }
    }
}

#[test]
fn every_question_to_a_log_is_timed_beside_reading_all_of_it() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::events(5_000, &mut report).unwrap();
    assert!(of(&report, &["the index built"])[0].value > 0.0);
    for question in ["by EIP", "by HAVIP", "by project", "by actor", "by kind", "by time", "actor, kind and"]
    {
        for how in ["median", "slowest"] {
            let found = of(&report, &[question, how]);
            assert!(!found.is_empty(), "{question}, {how}");
            assert!(found.iter().all(|figure| figure.value > 0.0 && figure.ratio().is_some()), "{found:?}");
        }
    }
}

/// What is counted is judged, since a slow machine loses nothing either.
#[test]
fn failovers_are_measured_to_the_kernel_to_the_first_packet_and_beside_a_plain_router() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::failover(&Failovers::short(), None, &mut report).unwrap();
    for how in ["the holder dies", "a clean stop"] {
        let outages = of(&report, &[how, ": outage"]);
        assert!(outages.len() == 3 && outages.iter().all(|figure| figure.ratio().is_some()), "{outages:?}");
        assert!(of(&report, &[how, "longer than", "p99"])[0].goal.is_some());
    }
    for control_plane in ["control plane up", "control plane down"] {
        for what in ["neighbour entry, p99", "first packet at the new holder, p99"] {
            let found = of(&report, &[control_plane, what]);
            assert!(found.len() == 1 && found[0].value > 0.0 && found[0].goal.is_some(), "{found:?}");
        }
        assert_eq!(of(&report, &[control_plane, "failovers"])[0].value, 6.0);
        assert!(of(&report, &[control_plane, "requests sent"])[0].value > 0.0);
    }
    assert!(of(&report, &["HAVIPs at once", "neighbour entry, p99"])[0].value > 0.0);
    for nothing in ["not re-pointed", "changes that the log has not"] {
        assert_eq!(of(&report, &["HAVIPs at once", nothing])[0].value, 0.0);
    }
    assert!(of(&report, &["memory that the gateway took"]).len() == 1);
    let taken = of(&report, &["one health service takes claims"]);
    assert!(taken.len() == 2 && taken.iter().all(|figure| figure.value > 0.0), "{taken:?}");
}

#[test]
fn packets_are_counted_both_ways_beside_a_plain_router() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::packets(&Packets::short(), &mut report).unwrap();
    for direction in ["in, ", "out, "] {
        for havips in ["one HAVIP, a flow for each packet", "one HAVIP, established", "random ones"] {
            let found = of(&report, &[direction, havips, "ours"]);
            assert!(!found.is_empty(), "{direction}{havips}");
            assert!(found.iter().all(|figure| figure.value > 0.0 && figure.goal.is_some()), "{found:?}");
            assert!(found.iter().all(|figure| figure.ratio().unwrap() > 0.0), "{found:?}");
        }
    }
    assert!(of(&report, &["there and back over TCP", "ours"]).iter().all(|figure| figure.ratio().is_some()));
}

#[test]
fn kernels_are_filled_and_killed_processes_start_again() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::load(&Loads::short(), &mut report).unwrap();
    for what in ["into an empty kernel", "one transaction", "read back", "from killed to ready"] {
        let found = of(&report, &[what]);
        assert!(!found.is_empty() && found.iter().all(|figure| figure.value > 0.0), "{what}: {found:?}");
    }
}

#[test]
fn binds_are_timed_to_the_kernel_and_to_the_first_packet() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::bind(&Binds::short(), &mut report).unwrap();
    for what in ["the answer", "the elements in the kernel", "the first translated packet"] {
        for bindings in ["100 bindings: ", "1000 bindings: "] {
            let found = of(&report, &[bindings, what]);
            assert!(found.len() == 2 && found.iter().all(|figure| figure.value > 0.0), "{what}: {found:?}");
        }
    }
}

#[test]
fn what_was_deleted_behind_a_gateways_back_is_timed_until_it_is_back() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::drift(&Drifts::short(), &mut report).unwrap();
    for what in ["noticed, p99", "mended, p99", "missing in the kernel, p99", "read back"] {
        let found = of(&report, &[what]);
        assert!(found.len() == 1 && found[0].value > 0.0, "{what}: {found:?}");
    }
}
