//! The benchmarks run, so that they can't rot: the short form, on whatever was built. How much it was is not judged here,
//! on a machine with other things to do; that there is every figure, and that none is nothing, is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::sink;

use mooring_tests::bench::{
    self, Binds, Claims, Drifts, Failovers, Figure, Loads, Packets, Reads, Report, Sizes, Throughput,
};

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
fn durable_commands_in_a_second_are_measured_beside_an_echo_and_their_syncs_are_counted() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::throughput(&Throughput::short(), &mut report).unwrap();
    assert!(of(&report, &["F: append and fdatasync"])[0].value > 0.0);
    for at_once in [1, 16, 64, 256] {
        let in_flight = format!("single-service writes, {at_once} in flight");
        let rate = report.figures().iter().find(|figure| figure.case == in_flight).unwrap();
        assert!(rate.value > 0.0 && rate.ratio().unwrap() > 0.0 && rate.unit == "/s", "{rate}");
        assert_eq!(rate.goal.is_some(), at_once == 256, "{rate}");
        for what in ["p50", "p99", "CPU of mooringd for 1 000", "CPU of the clients"] {
            assert!(!of(&report, &[&in_flight, what]).is_empty(), "{in_flight}, {what}");
        }
    }
    let binds = of(&report, &["mooringd, 64 clients: binds"]);
    assert!(binds[0].value > 0.0, "{binds:?}");
    // As many as are made at once share one, however slow the machine is.
    let together = of(&report, &["binds for a sync"]);
    assert!(together.len() == 1 && together[0].value > 1.0 && together[0].goal.is_some(), "{together:?}");
}

#[test]
fn reads_are_measured_beside_an_echo_and_commits_until_every_watcher_knows() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::reads(&Reads::short(), &mut report).unwrap();
    for at_once in [64, 256] {
        for what in ["GetEip", "GetBinding"] {
            let case = format!("{what}, {at_once} in flight");
            let rate = report.figures().iter().find(|figure| figure.case == case).unwrap();
            assert!(rate.value > 0.0 && rate.ratio().unwrap() > 0.0 && rate.goal.is_some(), "{rate}");
        }
    }
    let told = of(&report, &["commit to 100 watchers, p99"]);
    assert!(told.len() == 1 && told[0].value > 0.0 && told[0].goal.is_some(), "{told:?}");
}

#[test]
fn memory_is_measured_for_a_binding_in_every_process_and_in_the_kernel() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::memory(2_000, &mut report).unwrap();
    for part in ["an element of NAT", "an element of the fence", "a neighbour entry", "all of a binding"] {
        let found = of(&report, &["the kernel", part]);
        assert!(found.len() == 1 && found[0].value >= 0.0 && found[0].unit == "B", "{part}: {found:?}");
    }
    assert!(of(&report, &["mooringd, idle"])[0].goal.is_some());
    assert!(of(&report, &["events in the log"])[0].value >= 8.0 * 2_000.0);
    for service in ["mooring-resource", "mooring-binding", "mooring-health", "mooring-dataplane-sync"] {
        let each = of(&report, &[&format!("{service}, for a binding")]);
        assert!(each.len() == 1 && each[0].value > 0.0 && each[0].goal.is_some(), "{each:?}");
    }
}

/// What is counted is judged, since a slow machine loses nothing either.
#[test]
fn claims_are_measured_from_the_wire_to_the_log_and_a_quiet_region_by_what_it_takes() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::claims(&Claims::short(), None, &mut report).unwrap();
    assert!(of(&report, &["claims from the wire to the log"])[0].value > 0.0);
    let taken = of(&report, &["one health service takes claims"]);
    assert!(taken.len() == 2 && taken.iter().all(|figure| figure.value > 0.0), "{taken:?}");
    assert!(!of(&report, &["a quiet region with 200 HAVIPs: CPU of mooringd"]).is_empty());
    // 200 holders that are silent after 3 s are each probed every second.
    let probed = of(&report, &["a quiet region", "frames to the instance"])[0].value;
    assert!((100.0..=1_000.0).contains(&probed), "{probed}");
}

#[test]
fn programs_are_weighed_and_their_crates_are_counted() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::size(false, &mut report).unwrap();
    for program in ["mooringd,", "moor,", "mooring-dataplane-sync,"] {
        let of_program = of(&report, &[program]);
        assert!(
            of_program.len() == 3 && of_program.iter().all(|figure| figure.value > 0.0),
            "{of_program:?}"
        );
    }
    let crates = |case: &str| of(&report, &[case, "crates of others"])[0].value;
    assert!(crates("moor,") < crates("the lock file"));
}

#[test]
fn packets_are_counted_both_ways_beside_a_plain_router() {
    let mut report = Report::new(true, Box::new(sink()));
    bench::packets(&Packets::short(), &mut report).unwrap();
    for direction in ["in, ", "out, "] {
        for havips in ["one HAVIP, a flow for each packet", "one HAVIP, established", "random ones"] {
            let mut found = of(&report, &[direction, havips, ": ours"]);
            // Only what it is judged by.
            found.retain(|figure| !figure.case.contains("beside one HAVIP"));
            assert!(!found.is_empty(), "{direction}{havips}");
            assert!(found.iter().all(|figure| figure.value > 0.0 && figure.goal.is_some()), "{found:?}");
            assert!(found.iter().all(|figure| figure.ratio().unwrap() > 0.0), "{found:?}");
        }
    }
    // Peers that nothing passes would make anything look good.
    for peer in ["connection tracking", "iptables"] {
        let found = [of(&report, &["in, ", peer]), of(&report, &["out, ", peer])];
        assert!(found.iter().flatten().all(|figure| figure.value > 500.0), "{found:?}");
        assert!(found.iter().all(|found| !found.is_empty()), "{found:?}");
    }
    assert!(
        of(&report, &["there and back over TCP", ": ours"]).iter().all(|figure| figure.ratio().is_some())
    );
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
