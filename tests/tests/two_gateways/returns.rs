//! A gateway that was decommissioned while it was away comes back with a kernel that still translates what has been
//! given to others: it takes everything out before anything else, and only then it registers.

use std::time::Instant;

use mooring_tests::{
    cluster::Part,
    figures::{ms, show},
    lab::{self, Pair},
    probe::{Sniffer, udp_ask},
    proxy::{Proxy, Weather},
    wait_for,
};

use crate::{lanes::*, stage::*};

const GW_2: Part = Part::Gateway(1);

/// Takes `web` off its HAVIP while gw-2 is away, and puts it in front of another.
fn moved_while_away(stage: &Stage) {
    let havip = lab::HAVIP_2;
    stage.pair.lab.vm_b.ip(&format!("address add {havip}/24 dev eth0")).unwrap();
    stage.cluster.ask(&format!("havip create back --subnet web --address {havip} --member vm-b")).unwrap();
    let (_, answer) = meanwhile(stage, "unbind web -o json", |stage| {
        stage.wait_state("web", "UNASSOCIATING")?;
        assert_eq!(stage.waiting_for("web")?, ["gw-2"]);
        stage.cluster.ask("gateway decommission gw-2")
    })
    .unwrap();
    assert_eq!(answer.exit, 0, "it waits no more: {answer:?}");
    // What is bound from now on is nothing to gw-2.
    stage.cluster.ask("bind web back --wait").unwrap();
    assert_eq!(stage.translated(0, EIP), Some(havip.to_string()));
    assert_eq!(stage.translated(1, EIP), Some(lab::HAVIP.to_string()), "the kernel of one that is away");
}

#[test]
fn a_gateway_that_returns_takes_everything_out_before_it_registers() {
    let mut stage = Stage::carrying().unwrap();
    stage.cluster.part_mut(GW_2).kill9().unwrap();
    stage.pair.ways(&[0]).unwrap();
    moved_while_away(&stage);
    assert_eq!(stage.registered().unwrap(), ["gw-1", "gw-2"]);

    // Binding answers nobody: whatever the gateway does now, it does before it has registered.
    stage.cluster.part(Part::Binding).pause().unwrap();
    let begin = Instant::now();
    stage.cluster.part_mut(GW_2).launch().unwrap();
    stage.wait_translated(1, EIP, None).unwrap();
    show(&format!("a gateway that returned was empty {} after its process started", ms(begin.elapsed())));
    let table = stage.pair.gateways[1].namespace.output("nft list ruleset").unwrap();
    assert!(!table.contains(&lab::HAVIP.to_string()), "{table}");
    // Nothing of what goes there reaches whom it fronted, from now on.
    let on_a = Sniffer::start(&stage.pair.lab.vm_a, "eth0").unwrap();
    stage.pair.ways(&[1]).unwrap();
    let dropped = stage.dropped(1, "unbound_eip").unwrap();
    assert!(stage.who().is_err(), "it carries nothing");
    assert!(stage.dropped(1, "unbound_eip").unwrap() > dropped);
    // Nor does anything private leave (F2).
    let private = stage.dropped(1, "private_source").unwrap();
    assert!(udp_ask(&stage.pair.lab.vm_a, lab::HAVIP, at(lab::CLIENT), b"?", SHORT).is_err());
    assert!(stage.dropped(1, "private_source").unwrap() > private);

    stage.cluster.part(Part::Binding).resume().unwrap();
    stage.cluster.part_mut(GW_2).wait_started().unwrap();
    stage.wait_translated(1, EIP, Some(lab::HAVIP_2)).unwrap();
    stage.wait_who("vm-b").unwrap();
    assert_eq!(stage.registered().unwrap(), ["gw-1", "gw-2", "gw-2"]);
    stage.wait_agree().unwrap();
    let to_a = on_a.select(|frame| frame.ip().is_some_and(|ip| ip.source == lab::CLIENT));
    assert!(to_a.is_empty(), "{} packets of the EIP came to vm-a", to_a.len());
    // It is waited for again.
    stage.cluster.part(GW_2).pause().unwrap();
    assert_eq!(stage.cluster.refuse("unbind web --timeout 1").unwrap().exit, 4);
    assert_eq!(stage.waiting_for("web").unwrap(), ["gw-2"]);
    stage.cluster.part(GW_2).resume().unwrap();
    stage.wait_state("web", "AVAILABLE").unwrap();
}

#[test]
fn a_gateway_that_returns_while_binding_is_away_registers_when_binding_is_back() {
    let mut stage = Stage::carrying().unwrap();
    stage.cluster.part_mut(GW_2).kill9().unwrap();
    stage.pair.ways(&[0]).unwrap();
    moved_while_away(&stage);
    stage.cluster.part_mut(Part::Binding).kill9().unwrap();
    stage.cluster.part_mut(GW_2).launch().unwrap();
    wait_for("it to try more than once", PATIENT, || {
        let log = stage.cluster.part(GW_2).log();
        let tries = log.contains("binding does not take reports");
        if tries { Ok(()) } else { Err(log.lines().last().unwrap_or_default().to_owned()) }
    })
    .unwrap();
    stage.cluster.part_mut(Part::Binding).restart().unwrap();
    stage.wait_translated(1, EIP, Some(lab::HAVIP_2)).unwrap();
    assert_eq!(stage.registered().unwrap(), ["gw-1", "gw-2", "gw-2"]);
}

/// One that was only stopped hears of it in the log. It stays empty until the operator starts it again.
#[test]
fn a_gateway_that_goes_on_after_it_was_decommissioned_takes_everything_out() {
    let mut stage = Stage::carrying().unwrap();
    stage.cluster.part(GW_2).pause().unwrap();
    stage.pair.ways(&[0]).unwrap();
    moved_while_away(&stage);
    stage.cluster.part(GW_2).resume().unwrap();
    stage.wait_translated(1, EIP, None).unwrap();
    stage.pair.ways(&[1]).unwrap();
    assert!(stage.who().is_err(), "it carries nothing");
    let listed = stage.cluster.moor("gateway list").unwrap();
    assert_eq!(stage.registered().unwrap(), ["gw-1", "gw-2"], "{listed:?}");
    stage.cluster.part_mut(GW_2).restart().unwrap();
    stage.wait_translated(1, EIP, Some(lab::HAVIP_2)).unwrap();
    stage.wait_who("vm-b").unwrap();
    stage.wait_agree().unwrap();
}

/// It reaches binding and not the log: it does not know that it was decommissioned, and can't take the word back.
#[test]
fn a_gateway_that_does_not_hear_the_log_is_not_registered_again() {
    let pair = Pair::new().unwrap();
    let mut cluster = cluster(&pair, 2).unwrap();
    let nats = cluster.nats.url();
    let proxy = Proxy::start(nats.trim_start_matches("nats://")).unwrap();
    for argument in cluster.part_mut(GW_2).arguments() {
        *argument = argument.replace(&nats, &format!("nats://{}", proxy.address()));
    }
    cluster.launch().unwrap();
    let stage = Stage::carrying_with(pair, cluster).unwrap();
    proxy.weather(Weather::CUT);
    stage.pair.ways(&[0]).unwrap();
    moved_while_away(&stage);
    wait_for("binding to refuse it", PATIENT, || {
        let log = stage.cluster.part(GW_2).log();
        let refused = log.lines().find(|line| line.contains("gw-2 was decommissioned at"));
        refused.map(drop).ok_or_else(|| log.lines().last().unwrap_or_default().to_owned())
    })
    .unwrap();
    assert_eq!(stage.registered().unwrap(), ["gw-1", "gw-2"]);
    assert_eq!(stage.translated(1, EIP), Some(lab::HAVIP.to_string()), "it goes on forwarding");
    proxy.weather(Weather::FAIR);
    stage.wait_translated(1, EIP, None).unwrap();
    assert_eq!(stage.registered().unwrap(), ["gw-1", "gw-2"]);
}
