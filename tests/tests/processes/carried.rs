//! The same processes with a real kernel behind the gateway.

use std::time::Duration;

use mooring_tests::{
    Cluster, Lab, Part,
    cluster::{Gateway, Options},
    lab,
    probe::ping,
    wait_for,
};

const PATIENCE: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_secs(1);
/// What [`Cluster::stock`] allocates.
const EIP: std::net::Ipv4Addr = std::net::Ipv4Addr::new(203, 0, 113, 70);

fn wait_answers(lab: &Lab, what: &str) {
    wait_for(what, PATIENCE, || match ping(&lab.client, lab::CLIENT, EIP, 56, SOON) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    })
    .unwrap();
}

#[test]
fn a_gateway_that_is_a_process_of_its_own_carries_an_eip_also_while_everybody_else_is_gone() {
    let lab = Lab::new().unwrap();
    let gateway = Gateway { name: "gw-1".to_owned(), places: lab.places() };
    let mut cluster = Cluster::with(Options { gateways: vec![gateway], ..Options::default() }).unwrap();
    lab.vm_a.ip(&format!("address add {}/32 dev eth0", lab::HAVIP)).unwrap();
    cluster.stock().unwrap();
    cluster.ask("bind web front --wait").unwrap();
    wait_answers(&lab, "the EIP to answer");
    assert_eq!(cluster.ask("holder front").unwrap()["instance"], "vm-a");
    for part in [Part::Binding, Part::Health, Part::Resource] {
        cluster.part_mut(part).kill9().unwrap();
    }
    cluster.nats.kill9().unwrap();
    cluster.part(Part::Gateway(0)).wait_not_ready("log of r1").unwrap();
    ping(&lab.client, lab::CLIENT, EIP, 56, SOON).unwrap();
    cluster.nats.restart().unwrap();
    cluster.launch().unwrap();
    cluster.ask("unbind web").unwrap();
    ping(&lab.client, lab::CLIENT, EIP, 56, SOON).unwrap_err();
    let status = cluster.moor("status --verify").unwrap();
    assert_eq!(status.exit, 0, "{status:?}");
}
