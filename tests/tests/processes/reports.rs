//! Reports of gateways are kept in memory: a binding service that was started again has them again at once.

use std::time::{Duration, Instant};

use mooring_tests::{
    Cluster, Part,
    cluster::{Gateway, Options},
    wait_for,
};
use serde_json::Value;

/// Gateways report once a second; the rest is what a busy machine takes.
const SOON: Duration = Duration::from_secs(5);

fn two() -> Options {
    let gateway = |name: &str| Gateway { name: name.to_owned(), places: String::new() };
    Options { gateways: vec![gateway("gw-1"), gateway("gw-2")], ..Options::default() }
}

/// The gateways that are not at this position yet, as binding has it.
fn behind(cluster: &Cluster, position: u64) -> Result<Vec<String>, String> {
    let gateways = cluster.ask("gateway list").map_err(|error| format!("{error:#}"))?;
    let all = gateways.as_array().ok_or_else(|| format!("no list: {gateways}"))?;
    if all.len() != 2 {
        return Err(format!("not two gateways: {gateways}"));
    }
    let applied = |gateway: &Value| gateway["applied_position"].as_u64().unwrap_or(0);
    let late = all.iter().filter(|gateway| applied(gateway) < position).map(ToString::to_string);
    Ok(late.collect())
}

#[test]
fn both_gateways_report_again_to_a_binding_service_that_was_killed() {
    let mut cluster = Cluster::with(two()).unwrap();
    cluster.stock().unwrap();
    cluster.ask("bind web front").unwrap();
    cluster.ask("unbind web").unwrap();
    let tail = u64::try_from(cluster.moor("log -o json").unwrap().out.lines().count()).unwrap();
    cluster.part_mut(Part::Binding).restart().unwrap();
    let up = Instant::now();
    wait_for("both gateways to report", SOON, || match behind(&cluster, tail)? {
        late if late.is_empty() => Ok(()),
        late => Err(format!("{late:?} after {:?}", up.elapsed())),
    })
    .unwrap();
    cluster.ask("bind web front").unwrap();
    cluster.ask("unbind web").unwrap();
}

#[test]
fn an_unbind_waits_for_a_gateway_that_is_down_until_it_is_decommissioned() {
    let mut cluster = Cluster::with(two()).unwrap();
    cluster.stock().unwrap();
    cluster.ask("bind web front").unwrap();
    cluster.part_mut(Part::Gateway(1)).kill9().unwrap();
    let still = cluster.refuse("unbind web").unwrap();
    assert!(still.message.contains("gw-2") && !still.message.contains("gw-1"), "{still:?}");
    cluster.ask("gateway decommission gw-2").unwrap();
    wait_for("the binding to be gone", SOON, || {
        let eip = cluster.ask("eip get web").map_err(|error| format!("{error:#}"))?;
        if eip["state"] == "IN_USE" || eip["state"] == "UNASSOCIATING" {
            Err(eip.to_string())
        } else {
            Ok(())
        }
    })
    .unwrap();
    cluster.part_mut(Part::Gateway(1)).restart().unwrap();
    wait_for("it to be registered again", SOON, || match behind(&cluster, 1)? {
        late if late.is_empty() => Ok(()),
        late => Err(format!("{late:?}")),
    })
    .unwrap();
}
