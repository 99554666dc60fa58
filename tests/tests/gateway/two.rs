//! Two VPCs with the same addresses, each in its own router namespace of one gateway.

use std::net::Ipv4Addr;

use mooring_tests::{
    Lab, Namespace,
    lab::{self, MAC_2, Second},
    probe::{Lane, Prober, UdpEcho, udp_ask},
    server::Options,
    wait_for,
};

use crate::stage::{EIP, PATIENT, Stage, at, content, generation, place, traces};

/// Fronts the second VPC's 10.0.1.50, which vm-2 holds.
const EIP_2: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 71);

/// The second VPC, `green`, is carried.
fn bind_second(stage: &Stage) {
    let ask = |line: &str| stage.server.ask(line).unwrap();
    let (subnet, router) = (lab::SUBNET, lab::GATEWAY_INSIDE);
    ask("vpc create green");
    ask(&format!("subnet create green-web --vpc green --cidr {subnet} --gateway {router}"));
    ask(&format!("vnic create vm-2 --subnet green-web --mac {MAC_2} --address {}", lab::VM_A));
    ask(&format!("havip create back --subnet green-web --address {} --member vm-2", lab::HAVIP));
    ask(&format!("eip allocate green --address {EIP_2}"));
    ask("bind green back --wait");
}

fn wait_who(stage: &Stage, eip: Ipv4Addr, wanted: &str) {
    wait_for(&format!("{wanted} to answer at {eip}"), PATIENT, || match stage.who_at(eip) {
        Ok(who) if who == wanted => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
}

/// The address that the client sees when an instance sends from the HAVIP.
fn leaves_as(vm: &Namespace) -> Ipv4Addr {
    *udp_ask(vm, lab::HAVIP, at(lab::CLIENT), b"me", PATIENT).unwrap().peer.ip()
}

#[test]
fn two_vpcs_with_the_same_addresses_are_carried_side_by_side() {
    let lab = Lab::new().unwrap();
    let second = lab.second().unwrap();
    second.vm.ip(&format!("address add {}/32 dev eth0", lab::HAVIP)).unwrap();
    let _on_2 = UdpEcho::start(&second.vm, at(lab::HAVIP), "vm-2").unwrap();
    let both = |lab: &Lab| place("blue", lab.gateway.name()) + &place("green", second.gateway.name());
    let stage = Stage::stocked_in(lab, Options::default(), both).unwrap();
    stage.server.ask("bind web front").unwrap();
    bind_second(&stage);
    wait_who(&stage, EIP, "vm-a");
    wait_who(&stage, EIP_2, "vm-2");
    stage.wait_agree().unwrap();
    each_leaves_as_itself(&stage, &second);
    a_failover_in_one_is_none_in_the_other(&stage, &second);
}

fn each_leaves_as_itself(stage: &Stage, second: &Second) {
    let _client = UdpEcho::start(&stage.lab.client, at(lab::CLIENT), "client").unwrap();
    for _ in 0..10 {
        assert_eq!((leaves_as(&stage.lab.vm_a), leaves_as(&second.vm)), (EIP, EIP_2));
    }
    assert_eq!(traces(&stage.lab.gateway, EIP_2).unwrap(), Vec::<String>::new());
    assert_eq!(traces(&second.gateway, EIP).unwrap(), Vec::<String>::new());
}

fn a_failover_in_one_is_none_in_the_other(stage: &Stage, second: &Second) {
    let lane = |eip| Lane { from: lab::CLIENT, to: at(eip) };
    let prober = Prober::start(&stage.lab.client, &[lane(EIP), lane(EIP_2)]).unwrap();
    prober.wait_answered(None, PATIENT).unwrap();
    let (before, wanted) = (generation(&second.gateway).unwrap(), content(&second.gateway).unwrap());
    stage.lab.move_address(lab::HAVIP, &stage.lab.vm_a, &stage.lab.vm_b).unwrap();
    stage.wait_moved_to(&stage.lab.vm_b).unwrap();
    wait_who(stage, EIP, "vm-b");
    prober.wait_answered(None, PATIENT).unwrap();
    let [first, other] = prober.finish().try_into().unwrap();
    eprintln!("failover in one: {first:?}; the other: {other:?}");
    assert_eq!((first.servers.last().unwrap().as_str(), other.servers), ("vm-b", vec!["vm-2".to_owned()]));
    assert_eq!(other.lost, 0, "of {}", other.sent);
    assert_eq!(generation(&second.gateway).unwrap(), before);
    assert_eq!(content(&second.gateway).unwrap(), wanted);
    stage.wait_agree().unwrap();
}

/// One namespace has room for one VPC: its addresses are that one's.
#[test]
fn a_second_vpc_in_the_same_namespace_is_refused_and_said_and_harms_nobody() {
    let stage = Stage::carrying().unwrap();
    let (before, wanted) = (generation(&stage.lab.gateway).unwrap(), content(&stage.lab.gateway).unwrap());
    stage.server.ask("vpc create green").unwrap();
    stage.wait_fault(&["VPC green", "watches this namespace already", stage.lab.gateway.name()]).unwrap();
    let ask = |line: &str| stage.server.ask(line).unwrap();
    ask(&format!("subnet create green-web --vpc green --cidr {}", lab::SUBNET));
    ask(&format!("havip create back --subnet green-web --address {}", lab::HAVIP));
    ask("eip allocate green --address 203.0.113.71");
    let refusal = stage.server.refuse("bind green back --wait --timeout 2").unwrap();
    assert_eq!(refusal.exit, 4, "nobody carries it: {refusal:?}");
    assert_eq!(generation(&stage.lab.gateway).unwrap(), before);
    assert_eq!(content(&stage.lab.gateway).unwrap(), wanted);
    assert_eq!(stage.said("watches this namespace already"), 1, "{}", stage.server.log());
    assert_eq!(stage.who().unwrap(), "vm-a");
}
