//! A gateway that reaches nobody: it goes on forwarding, so whoever unbinds waits for it and is told so.

use std::time::Duration;

use mooring_tests::cluster::{Options, Part};
use mooring_tests::lab::Pair;
use mooring_tests::proxy::Weather;
use mooring_tests::wait_for;

use crate::stage::Stage;

const PATIENT: Duration = Duration::from_secs(20);

#[test]
fn a_gateway_cut_off_from_everything_goes_on_forwarding_and_an_unbind_waits_for_it_and_says_so() {
    let pair = Pair::new().unwrap();
    let stage = Stage::set("gateway alone", &pair, Options { proxies: true, ..Options::default() });
    let cluster = &stage.scene.cluster;
    let alone = |from, _| from == Part::Gateway(1);
    cluster.ask("havip create waits --subnet web --address 10.0.1.60 --member vm-a").unwrap();
    cluster.ask("eip allocate waits").unwrap();
    cluster.ask("bind waits waits --wait").unwrap();

    cluster.ways.weather(Weather::SILENT, alone);
    let refusal = cluster.refuse("unbind waits --timeout 3").unwrap();
    assert_eq!(refusal.exit, 4, "{refusal:?}");
    let eip = cluster.ask("eip get waits").unwrap();
    assert_eq!(eip["state"], "UNASSOCIATING", "{eip}");
    let status = cluster.moor("status").unwrap();
    assert!(status.out.contains("gw-2"), "{status:?}");
    stage.scene.goes_on_forwarding().unwrap();

    cluster.ways.weather(Weather::FAIR, alone);
    wait_for("the unbind to be finished", PATIENT, || {
        let eip = cluster.ask("eip get waits").map_err(|error| format!("{error:#}"))?;
        if eip["state"] == "AVAILABLE" { Ok(()) } else { Err(eip.to_string()) }
    })
    .unwrap();
    stage.scene.wait_ready().unwrap();
    stage.end();
}
