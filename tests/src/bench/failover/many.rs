//! All HAVIPs of a VPC fail over at once: each is announced by the new holder as quickly as one instance can send.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use anyhow::Result;
use mooring_domain::Timestamp;
use tokio::runtime::Runtime;

use super::claims::milliseconds;
use super::scene::{PATIENT, Scene};
use super::{BENCH, enter_shares};
use crate::bench::figure::{Figure, Goal};
use crate::bench::report::Report;
use crate::bench::shares::Shares;
use crate::probe::{Announcer, Neighbours, Stamped};
use crate::wait::wait_for;

/// In ms.
const REPOINTED: Goal = Goal::AtMost(50.0);
const NONE: Goal = Goal::AtMost(0.0);
/// The first HAVIP. The rest of the subnet has room for them and is nobody's.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 4, 0);

/// Makes so many HAVIPs, each with an EIP, and has all of them fail over so many times.
pub fn measure(havips: usize, rounds: usize, report: &mut Report) -> Result<()> {
    let all = (0..havips).map(|n| Ok(Ipv4Addr::from_bits(FIRST.to_bits() + u32::try_from(n)?)));
    let all = all.collect::<Result<Vec<_>>>()?;
    let scene = Scene::set("100.64.0.0/16", "10.0.0.0/16", &all)?;
    let runtime = Runtime::new()?;
    scene.lab.gateway.ip("route add 10.0.4.0/22 dev in0")?;
    let members = [Announcer::new(&scene.lab.vm_a)?, Announcer::new(&scene.lab.vm_b)?];
    let (mut claims, neighbours) =
        (Stamped::arp(&scene.lab.gateway)?, Neighbours::start(&scene.lab.gateway)?);
    // Nobody holds them yet: this is no failover.
    round(&members[1], &all, &mut claims, &neighbours)?;
    scene.wait_settled()?;
    let (memory, mut times, mut missing) = (scene.gateway_memory()?, Vec::new(), 0);
    for number in 0..rounds {
        let member = &members[number % 2];
        let repointed = round(member, &all, &mut claims, &neighbours)?;
        missing += all.len() - repointed.len();
        times.extend(repointed);
        wait_held(&scene, &runtime, member, all.len())?;
    }
    scene.wait_settled()?;
    let name = format!("{havips} HAVIPs at once, {rounds} times");
    let case = |what: &str| format!("{name}: {what}");
    enter_shares(&case("claim to neighbour entry"), &Shares::of(times), Some(REPOINTED), report)?;
    report.enter(Figure::new(BENCH, case("not re-pointed"), missing as f64, "HAVIPs").goal(NONE))?;
    let changed = scene.count("holder_changed")?;
    let lost = (all.len() * (rounds + 1)).abs_diff(changed);
    report.enter(
        Figure::new(BENCH, case("changes that the log has not, or too many"), lost as f64, "events")
            .goal(NONE),
    )?;
    let added = scene.gateway_memory()? - memory;
    report.enter(Figure::new(BENCH, case("memory that the gateway took for it"), added.max(0.0), "MB"))
}

/// Announces all of them, and waits until each leads to the announcer; how long that took, in ms.
fn round(
    member: &Announcer,
    havips: &[Ipv4Addr],
    claims: &mut Stamped,
    neighbours: &Neighbours,
) -> Result<Vec<f64>> {
    claims.claims()?;
    neighbours.take();
    havips.iter().try_for_each(|havip| member.announce(*havip))?;
    let mut led: BTreeMap<Ipv4Addr, Timestamp> = BTreeMap::new();
    // Those that do not come are counted by the caller.
    let _ = wait_for("every neighbour entry to change", PATIENT, || {
        for change in neighbours.take().into_iter().filter(|change| change.mac == member.mac) {
            led.entry(change.address).or_insert(change.at);
        }
        if havips.iter().all(|havip| led.contains_key(havip)) { Ok(()) } else { Err("not all".to_owned()) }
    });
    let mut claimed: BTreeMap<Ipv4Addr, Timestamp> = BTreeMap::new();
    for (stamp, havip, _) in claims.claims()? {
        claimed.entry(havip).or_insert(stamp);
    }
    let time = |(havip, led): (&Ipv4Addr, &Timestamp)| Some(milliseconds(*claimed.get(havip)?, *led));
    Ok(led.iter().filter_map(time).collect())
}

/// Waits until health says of all of them that this member holds them.
fn wait_held(scene: &Scene, runtime: &Runtime, member: &Announcer, havips: usize) -> Result<()> {
    let (client, mac) = (scene.client(runtime)?, member.mac.map(|byte| format!("{byte:02x}")).join(":"));
    wait_for("the log to have every change", PATIENT, || {
        let holders = runtime.block_on(client.holders()).map_err(|error| error.to_string())?;
        let held = holders.iter().filter(|holder| holder.mac == mac).count();
        if held == havips { Ok(()) } else { Err(format!("{held} are held")) }
    })
}
