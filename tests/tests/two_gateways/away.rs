//! A process of a gateway dies, and its kernel does not; or the whole machine does.

use mooring_tests::{
    cluster::Part,
    figures::show,
    lab,
    probe::{Prober, Transfer},
};

use crate::{dead::dies_as_a_router_does, lanes::*, stage::*};

const EIP_2: std::net::Ipv4Addr = std::net::Ipv4Addr::new(203, 0, 113, 71);

#[test]
fn killed_processes_cost_no_packet_and_find_their_way_back() {
    let mut stage = Stage::carrying().unwrap();
    stage.pair.trust_routers().unwrap();
    let prober = Prober::start(&stage.pair.lab.client, &lanes(lab::CLIENT, EIP)).unwrap();
    let transfer = Transfer::start(&stage.pair.lab.client, lab::CLIENT, at(EIP), PATIENT).unwrap();
    let tables = [stage.nat_table(0).unwrap(), stage.nat_table(1).unwrap()];
    for gateways in [&[0][..], &[1], &[0, 1]] {
        for gateway in gateways {
            stage.cluster.part_mut(Part::Gateway(*gateway)).kill9().unwrap();
        }
        transfer.wait_returned(2_000_000, PATIENT).unwrap();
        prober.wait_answered(Some("vm-a"), SOON).unwrap();
        assert_eq!([stage.nat_table(0).unwrap(), stage.nat_table(1).unwrap()], tables, "its rules stay");
        for gateway in gateways {
            stage.cluster.part_mut(Part::Gateway(*gateway)).restart().unwrap();
        }
        stage.wait_agree().unwrap();
        transfer.wait_returned(2_000_000, PATIENT).unwrap();
    }
    let bytes = transfer.finish().unwrap();
    let outcome = total(&prober.finish());
    show(&format!(
        "each dataplane-sync killed, and both: {} of {} datagrams lost, {bytes} bytes of one connection whole",
        outcome.lost, outcome.sent
    ));
    assert_eq!(outcome.lost, 0, "{outcome:?}");

    // What happened while one was away is caught up with.
    stage.cluster.part_mut(Part::Gateway(1)).kill9().unwrap();
    let havip = lab::HAVIP_2;
    stage.cluster.ask(&format!("havip create back --subnet web --address {havip} --member vm-b")).unwrap();
    stage.cluster.ask(&format!("eip allocate two --address {EIP_2}")).unwrap();
    stage.cluster.ask("bind two back").unwrap();
    stage.wait_translated(0, EIP_2, Some(havip)).unwrap();
    assert_eq!(stage.translated(1, EIP_2), None);
    stage.cluster.part_mut(Part::Gateway(1)).restart().unwrap();
    stage.wait_translated(1, EIP_2, Some(havip)).unwrap();
    stage.wait_agree().unwrap();
}

#[test]
fn a_dead_machine_costs_what_a_dead_router_costs_and_comes_back_empty() {
    let mut stage = Stage::carrying().unwrap();
    let first = stage.pair.gateways[0].clone();
    dies_as_a_router_does(&stage.pair, 0, EIP).unwrap();
    stage.cluster.part_mut(Part::Gateway(0)).kill9().unwrap();
    stage.pair.remove(&first).unwrap();
    // The ordinary router that died with it.
    stage.pair.remove(&stage.pair.plains[0]).unwrap();
    stage.wait_who("vm-a").unwrap();
    // It may be there and cut off, for all that anybody knows: an unbind waits until the operator has spoken.
    let waits = stage.cluster.moor_at(1, "unbind web --timeout 1 -o json").unwrap().refusal().unwrap();
    assert_eq!(waits.exit, 4, "{waits:?}");
    assert_eq!(stage.waiting_for("web").unwrap(), ["gw-1"]);
    stage.cluster.ask("gateway decommission gw-1").unwrap();
    stage.wait_state("web", "AVAILABLE").unwrap();
    stage.cluster.ask("bind web front --wait").unwrap();

    // The machine starts: its routers are there before Mooring is.
    stage.pair.ways(&[1]).unwrap();
    stage.pair.make(&first).unwrap();
    stage.cluster.part_mut(Part::Gateway(0)).restart().unwrap();
    stage.wait_translated(0, EIP, Some(lab::HAVIP)).unwrap();
    stage.wait_carried("vm-a").unwrap();
    stage.wait_agree().unwrap();
}
