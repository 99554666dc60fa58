//! The operator's file changes while the gateway runs.

use std::time::Duration;

use mooring_tests::{
    lab,
    probe::{Lane, Prober, udp_ask},
    wait_for,
};

use crate::stage::{EIP, PATIENT, Stage, at, content, place, traces};

#[test]
fn a_vpc_that_moves_leaves_nothing_behind_and_is_carried_at_its_new_place() {
    let stage = Stage::carrying().unwrap();
    let (old, new) = (&stage.lab.gateway, &stage.lab.plain);
    stage.set_places(&place("blue", new.name())).unwrap();
    // The instances' router is another one by now.
    stage.lab.vm_a.ip("route replace default via 10.0.1.2").unwrap();
    let carried = stage.wait_carried().unwrap();
    stage.wait_agree().unwrap();
    eprintln!("carried {carried:?} after the file was written");
    for address in [EIP, lab::HAVIP] {
        assert_eq!(traces(old, address).unwrap(), Vec::<String>::new());
        assert!(!traces(new, address).unwrap().is_empty(), "{:?}", content(new));
    }
    // And back, to a namespace that has been used before.
    stage.set_places(&place("blue*", old.name())).unwrap();
    stage.lab.vm_a.ip("route replace default via 10.0.1.1").unwrap();
    stage.wait_carried().unwrap();
    stage.wait_agree().unwrap();
    assert_eq!(traces(new, EIP).unwrap(), Vec::<String>::new());
}

#[test]
fn hairpins_are_switched_without_losing_a_packet() {
    let stage = Stage::carrying().unwrap();
    let place = place("blue", stage.lab.gateway.name());
    let lane = Lane { from: lab::CLIENT, to: at(EIP) };
    let prober = Prober::start(&stage.lab.client, &[lane]).unwrap();
    prober.wait_answered(None, PATIENT).unwrap();
    for hairpin in [true, false, true] {
        stage.set_places(&format!("{place}hairpin = {hairpin}\n")).unwrap();
        wait_for("an inside host to reach the EIP, or not to", PATIENT, || {
            let asked = udp_ask(&stage.lab.host_c, lab::HOST_C, at(EIP), b"who", Duration::from_millis(100));
            if asked.is_ok() == hairpin { Ok(()) } else { Err(format!("{asked:?}")) }
        })
        .unwrap();
        stage.wait_agree().unwrap();
    }
    let outage = prober.finish().remove(0);
    assert_eq!(outage.lost, 0, "{outage:?}");
}

#[test]
fn a_vpc_that_is_taken_off_the_file_is_carried_no_more() {
    let stage = Stage::carrying().unwrap();
    stage.set_places(&place("another", stage.lab.gateway.name())).unwrap();
    wait_for("nothing of it to be left", PATIENT, || {
        let left = traces(&stage.lab.gateway, EIP).map_err(|error| format!("{error:#}"))?;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .unwrap();
    let status = wait_for("the status to say so", PATIENT, || {
        let status = stage.server.moor("status").map_err(|error| format!("{error:#}"))?;
        if status.out.contains("not here") { Ok(status) } else { Err(format!("{status:?}")) }
    });
    assert_eq!(status.unwrap().exit, 0, "another gateway may carry it");
    assert_eq!(traces(&stage.lab.gateway, lab::HAVIP).unwrap(), Vec::<String>::new());
}

#[test]
fn a_broken_file_is_said_once_with_its_line_and_the_last_good_one_goes_on() {
    let stage = Stage::carrying().unwrap();
    let good = place("blue", stage.lab.gateway.name());
    let said = || stage.said("the places file can't be used");
    let wait_said = |count: usize| {
        wait_for("the log to say what is wrong", PATIENT, || match said() {
            now if now == count => Ok(()),
            now => Err(format!("said {now} times:\n{}", stage.server.log())),
        })
    };
    stage
        .set_places(&format!("{good}[[vpc]]\nname = \"x\"\ninside = \"in 0\"\noutside = \"out0\"\n"))
        .unwrap();
    wait_said(1).unwrap();
    assert!(stage.server.log().contains("places.toml: line 8: inside"), "{}", stage.server.log());
    stage.set_places("[[vpc]]\nname = \"*\"\nnonsense\n").unwrap();
    wait_said(2).unwrap();
    assert!(stage.server.log().contains("line 3"), "{}", stage.server.log());
    std::fs::remove_file(stage.lab.folder().join("places.toml")).unwrap();
    wait_said(3).unwrap();
    assert_eq!(stage.who().unwrap(), "vm-a");
    stage.wait_agree().unwrap();
    // Good again, and in use: the VPC is told where it is by the new file.
    stage.set_places(&place("blue", stage.lab.plain.name())).unwrap();
    wait_for("the VPC to move", PATIENT, || match traces(&stage.lab.plain, EIP) {
        Ok(traces) if !traces.is_empty() => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
    assert_eq!(said(), 3, "each fault once");
}
