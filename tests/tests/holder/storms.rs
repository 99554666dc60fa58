//! 100 000 claims a second, from a stranger and from members in turn: a real failover happens meanwhile, nothing grows, and
//! the right one holds it in the end. `MOORING_STORM_SECONDS` says how long each lasts.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Result;
use mooring_tests::{
    figures::{ms, number, show},
    lab,
    probe::{ArpFrame, Storm, mac_bytes},
    usage::{Usage, usage},
    wait_for,
};

use crate::stage::*;

const RATE: usize = 100_000;
/// What a process may have more of after a storm than before it, in bytes: what is kept for reuse, and not what came.
const GROWTH: u64 = 96 << 20;

/// What it cost.
struct Cost {
    sent: u64,
    lasted: Duration,
    cpu: Duration,
}

/// Waits until a storm has lasted as long as it is to.
fn blown_over(name: &str, stage: &Stage, before: Usage, storm: Storm) -> Result<Cost> {
    let wanted = Duration::from_secs(number("MOORING_STORM_SECONDS", 2));
    wait_for("the storm to have lasted long enough", wanted + PATIENT, || {
        if storm.lasted() >= wanted && storm.sent() > 0 { Ok(()) } else { Err(storm.sent().to_string()) }
    })?;
    let (sent, lasted) = storm.finish();
    let after = usage(stage.server.pid().unwrap())?;
    let (cpu, grown) = (after.cpu - before.cpu, after.rss.saturating_sub(before.rss));
    show(&format!(
        "{name}: {sent} claims in {}, {:.0} a second; mooringd used {} of a processor and {} KiB more of memory",
        ms(lasted),
        sent as f64 / lasted.as_secs_f64(),
        ms(cpu),
        grown >> 10
    ));
    assert!(grown < GROWTH, "{grown} bytes more");
    Ok(Cost { sent, lasted, cpu })
}

fn claims_of(mac: [u8; 6], address: Ipv4Addr) -> [Vec<u8>; 2] {
    let request = ArpFrame::gratuitous(mac, address);
    [request, ArpFrame { operation: 2, ..request }].map(|frame| frame.bytes())
}

/// A HAVIP and addresses that are none, by one MAC and by a thousand.
fn of_a_stranger() -> Vec<Vec<u8>> {
    let own = mac_bytes(lab::MAC_C).unwrap();
    let invented = |n: u16| [2, 0x66, 0, 0, (n >> 8) as u8, n as u8];
    let mut frames = Vec::new();
    for n in 0..1000 {
        frames.extend(claims_of(own, lab::HAVIP));
        frames.extend(claims_of(invented(n), lab::HAVIP));
        frames.extend(claims_of(invented(n), Ipv4Addr::new(10, 0, 1, (n % 200) as u8 + 55)));
    }
    frames
}

#[test]
fn in_a_strangers_storm_a_failover_happens_and_nothing_grows() {
    let stage = Stage::carrying().unwrap();
    let tables = stage.nat_table().unwrap();
    let before = usage(stage.server.pid().unwrap()).unwrap();
    let storm = Storm::start(&stage.lab.host_c, of_a_stranger(), RATE).unwrap();
    wait_for("the storm to have come", PATIENT, || match stage.dropped_claims("strangers") {
        Ok(1..) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();

    stage.leave(&stage.lab.vm_a, lab::HAVIP).unwrap();
    stage.take_until_heard(&stage.lab.vm_b, lab::HAVIP, "front").unwrap();
    stage.wait_carried("vm-b").unwrap();
    assert!(storm.sent() > 0 && storm.lasted() < Duration::from_secs(60), "it was still raging");

    let Cost { sent, lasted, cpu } = blown_over("a stranger", &stage, before, storm).unwrap();
    assert!(stage.dropped_claims("strangers").unwrap() > sent / 10, "of {sent}");
    assert!(cpu < lasted + Duration::from_secs(1), "{cpu:?} of processors in {lasted:?}");
    stage.wait_agree().unwrap();
    stage.wait_carried("vm-b").unwrap();
    stage.wait_holder("front", "vm-b").unwrap();
    assert_eq!(stage.nat_table().unwrap(), tables, "F1");
    assert_eq!(stage.count("holder_changed").unwrap(), 2);
    assert!(stage.count("claim_rejected").unwrap() > 0, "it is not told of");
}

#[test]
fn in_a_storm_of_members_in_turn_another_havip_fails_over_and_the_last_word_counts() {
    let stage = Stage::carrying().unwrap();
    stage.second().unwrap();
    let before = usage(stage.server.pid().unwrap()).unwrap();
    let both = [lab::MAC_A, lab::MAC_B].map(|mac| claims_of(mac_bytes(mac).unwrap(), lab::HAVIP));
    let storm = Storm::start(&stage.lab.host_c, both.concat(), RATE).unwrap();
    wait_for("the storm to have come", PATIENT, || match stage.dropped_claims("repeated") {
        Ok(1..) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();

    stage.leave(&stage.lab.vm_a, lab::HAVIP_2).unwrap();
    stage.take_until_heard(&stage.lab.vm_b, lab::HAVIP_2, "back").unwrap();
    assert!(storm.lasted() < Duration::from_secs(60), "it was still raging");

    blown_over("members in turn", &stage, before, storm).unwrap();
    // However it was damped until then: who goes on announcing it holds it.
    stage.take_until_heard(&stage.lab.vm_a, lab::HAVIP, "front").unwrap();
    stage.wait_carried("vm-a").unwrap();
    stage.wait_agree().unwrap();
}
