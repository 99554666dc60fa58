//! A gateway starts anew in a region that is at work.

use mooring_tests::{
    cluster::Part,
    lab::{self, Pair},
    probe::{Prober, Transfer},
};

use crate::{lanes::*, stage::*};

const GW_3: Part = Part::Gateway(2);

#[test]
fn a_third_gateway_gets_everything_and_is_waited_for_from_then_on() {
    let mut pair = Pair::new().unwrap();
    pair.trust_routers().unwrap();
    let third = pair.join().unwrap();
    let mut cluster = cluster(&pair, 3).unwrap();
    let all_but_it: Vec<_> = cluster.parts().into_iter().filter(|part| *part != GW_3).collect();
    for part in &all_but_it {
        cluster.part_mut(*part).launch().unwrap();
    }
    for part in all_but_it {
        cluster.part_mut(part).wait_started().unwrap();
    }
    let mut stage = Stage::carrying_with(pair, cluster).unwrap();
    assert_eq!(stage.registered().unwrap(), ["gw-1", "gw-2"]);

    let prober = Prober::start(&stage.pair.lab.client, &lanes(lab::CLIENT, EIP)).unwrap();
    let transfer = Transfer::start(&stage.pair.lab.client, lab::CLIENT, at(EIP), PATIENT).unwrap();
    stage.cluster.part_mut(GW_3).restart().unwrap();
    stage.wait_translated(third, EIP, Some(lab::HAVIP)).unwrap();
    stage.wait_agree().unwrap();
    // Only then the routes.
    stage.pair.ways(&[0, 1, third]).unwrap();
    transfer.wait_returned(2_000_000, PATIENT).unwrap();
    stage.pair.ways(&[third]).unwrap();
    transfer.wait_returned(2_000_000, PATIENT).unwrap();
    prober.wait_answered(Some("vm-a"), SOON).unwrap();
    transfer.finish().unwrap();
    let outcome = total(&prober.finish());
    assert_eq!(outcome.lost, 0, "{outcome:?}");

    assert_eq!(stage.registered().unwrap(), ["gw-1", "gw-2", "gw-3"]);
    stage.cluster.part(GW_3).pause().unwrap();
    assert_eq!(stage.cluster.refuse("unbind web --timeout 1").unwrap().exit, 4);
    assert_eq!(stage.waiting_for("web").unwrap(), ["gw-3"]);
    stage.cluster.part(GW_3).resume().unwrap();
    stage.wait_state("web", "AVAILABLE").unwrap();
    assert_eq!(stage.translated(third, EIP), None);
}
