//! Two watchers see the same failover. Either of them is enough, and both together say it once.

use anyhow::Result;
use mooring_tests::{
    cluster::Part,
    lab::{self, Pair},
    proxy::{Proxy, Weather},
    wait_for,
};
use serde_json::Value;

use crate::{lanes::*, stage::*};

/// A proxy between each gateway and health.
fn apart() -> Result<(Stage, Vec<Proxy>)> {
    let pair = Pair::new()?;
    let mut cluster = cluster(&pair, 2)?;
    let health = cluster.part(Part::Health).address().to_owned();
    let mut proxies = Vec::new();
    for number in [0, 1] {
        let proxy = Proxy::start(&health)?;
        for argument in cluster.part_mut(Part::Gateway(number)).arguments() {
            *argument = argument.replace(&health, &proxy.address());
        }
        proxies.push(proxy);
    }
    cluster.launch()?;
    Ok((Stage::carrying_with(pair, cluster)?, proxies))
}

/// Every change of the holder: the instance, and the gateway whose claim it rests on.
fn changes(stage: &Stage) -> Result<Vec<(String, String)>> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let changes = stage.cluster.events()?.into_iter().filter(|(kind, _)| kind == "holder_changed");
    Ok(changes
        .map(|(_, event)| (word(&event["holder"]["instance"]), word(&event["claim"]["gateway"])))
        .collect())
}

#[test]
fn either_gateway_tells_health_of_a_failover_and_both_together_tell_it_once() {
    let (mut stage, proxies) = apart().unwrap();
    assert_eq!(changes(&stage).unwrap().len(), 1, "{:?}", changes(&stage));

    // gw-1 can't say anything, and forwards.
    proxies[0].weather(Weather::CUT);
    stage.on_a.stop().unwrap();
    stage.wait_holder("vm-b").unwrap();
    assert_eq!(changes(&stage).unwrap()[1..], [("vm-b".to_owned(), "gw-2".to_owned())]);
    stage.wait_carried("vm-b").unwrap();

    // Now gw-2 can't; what gw-1 saw meanwhile is no news.
    proxies[1].weather(Weather::CUT);
    proxies[0].weather(Weather::FAIR);
    stage.cluster.part(Part::Gateway(0)).wait_ready().unwrap();
    stage.on_a = stage.pair.lab.keepalived(&stage.pair.lab.vm_a, 150, lab::HAVIP).unwrap();
    stage.wait_holder("vm-a").unwrap();
    assert_eq!(changes(&stage).unwrap()[2..], [("vm-a".to_owned(), "gw-1".to_owned())]);
    stage.wait_carried("vm-a").unwrap();

    proxies[1].weather(Weather::FAIR);
    stage.cluster.part(Part::Gateway(1)).wait_ready().unwrap();
    stage.on_a.stop().unwrap();
    stage.wait_holder("vm-b").unwrap();
    stage.wait_carried("vm-b").unwrap();
    stage.wait_agree().unwrap();
    let all = changes(&stage).unwrap();
    let holders: Vec<_> = all.iter().map(|(holder, _)| holder.as_str()).collect();
    assert_eq!(holders, ["vm-a", "vm-b", "vm-a", "vm-b"], "{all:?}");
}

/// A stranger's claim reaches health twice and is written down once.
#[test]
fn a_strangers_claim_that_both_gateways_saw_is_written_down_once() {
    let stage = Stage::carrying().unwrap();
    let (havip, lab) = (lab::HAVIP, &stage.pair.lab);
    lab.host_c.output(&format!("arping -U -c 2 -I eth0 -s {havip} {havip}")).unwrap();
    let rejected = || {
        let events = stage.cluster.events().map_err(|error| format!("{error:#}"))?;
        Ok(events.into_iter().filter(|(kind, _)| kind == "claim_rejected").count())
    };
    wait_for("the rejection", PATIENT, || match rejected() {
        Ok(0) => Err("none".to_owned()),
        other => other,
    })
    .unwrap();
    // What both saw next has been heard by the time the holder has changed.
    let mut stage = stage;
    stage.on_a.stop().unwrap();
    stage.wait_holder("vm-b").unwrap();
    stage.wait_carried("vm-b").unwrap();
    let events = stage.cluster.events().unwrap();
    assert_eq!(events.iter().filter(|(kind, _)| kind == "claim_rejected").count(), 1);
}
