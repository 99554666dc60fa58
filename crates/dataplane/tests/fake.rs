//! The fake does what the kernel does, and fails when it is told to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that goes wrong says so by panicking")]

use std::collections::BTreeSet;

use ipnet::IpNet;
use mooring_dataplane::{Driver as _, Fake, Fault, fake::Call, suite};
use mooring_domain::{
    Position,
    address::Mac,
    nat::{Actual, Op, VpcDesired, diff},
};

#[test]
fn the_fake_passes_the_suite() {
    for arp in [true, false] {
        suite::run(&mut Fake::new(arp)).unwrap();
    }
}

#[test]
fn it_fails_as_often_as_it_was_told_and_takes_nothing_meanwhile() {
    let mut fake = Fake::new(true);
    fake.fail(Call::Apply, 2);
    for _ in 0..2 {
        assert!(matches!(fake.apply(&[Op::MakeRuleset]), Err(Fault::Kernel { .. })));
        assert!(!fake.read().unwrap().ruleset);
    }
    fake.apply(&[Op::MakeRuleset]).unwrap();
    assert!(fake.read().unwrap().ruleset);
}

#[test]
fn every_call_can_fail() {
    let mut fake = Fake::new(true);
    let calls = [Call::Read, Call::Apply, Call::Generation, Call::Drops, Call::Ask, Call::Probe];
    for call in calls.into_iter().chain([Call::Touched, Call::Announce, Call::Preflight]) {
        fake.fail(call, 1);
    }
    assert!(fake.read().is_err());
    assert!(fake.apply(&[]).is_err());
    assert!(fake.generation().is_err());
    assert!(fake.touched(0).is_err());
    assert!(fake.drops().is_err());
    assert!(fake.ask(&[([10, 0, 1, 50].into(), None)]).is_err());
    assert!(fake.probe(&[]).is_err());
    assert!(fake.announce(&[[203, 0, 113, 7].into()]).is_err());
    assert!(fake.preflight().is_err());
}

/// What the kernel may answer, one by one; after each the next round brings about what was wanted.
#[test]
fn after_any_error_number_the_same_round_again_leads_to_the_same_kernel() {
    let wanted = reconciled(&mut Fake::new(true));
    for errno in
        [libc::ENOBUFS, libc::EBUSY, libc::EEXIST, libc::ENOENT, libc::EPERM, libc::EINTR, libc::ENOMEM]
    {
        for call in [Call::Read, Call::Apply] {
            let mut fake = Fake::new(true);
            fake.fail_with(call, errno);
            let fault = round(&mut fake).unwrap_err();
            match errno {
                libc::EPERM => assert!(fault.to_string().contains("CAP_NET_ADMIN"), "{fault}"),
                _ => assert!(fault.to_string().contains(&format!("os error {errno}")), "{fault}"),
            }
            assert_eq!(reconciled(&mut fake), wanted, "{errno} at {call:?}");
        }
    }
}

#[test]
fn stopped_at_any_step_the_next_round_leads_to_the_same_kernel() {
    let wanted = reconciled(&mut Fake::new(true));
    let steps = diff(&desired(), &pools(), &Fake::new(true).read().unwrap()).len();
    for step in 0..steps {
        let mut fake = Fake::new(true);
        fake.with(|memory| memory.stops_at = Some((step, libc::ENOBUFS)));
        assert!(round(&mut fake).is_err());
        // The tables come as a whole or not at all.
        let actual = fake.read().unwrap();
        assert!(!actual.ruleset || actual.eip_to_havip.len() == 1, "stopped at {step}: {actual:?}");
        assert_eq!(reconciled(&mut fake), wanted, "stopped at {step}");
    }
}

/// The element is there already, or gone already, when the transaction comes: it is refused as a whole.
#[test]
fn who_changes_a_table_between_reading_and_applying_is_found_by_reading_again() {
    let (eip, havip) = ([203, 0, 113, 64].into(), [10, 0, 1, 50].into());
    let other = [10, 0, 1, 77].into();
    let mut gone = desired();
    gone.nat.clear();
    for (first, second, meanwhile) in
        [(gone.clone(), desired(), Op::MapEip(eip, other)), (desired(), gone, Op::UnmapHavip(havip))]
    {
        let mut fake = Fake::new(true);
        bring_about(&mut fake, &first).unwrap();
        let before = fake.read().unwrap();
        fake.with(|memory| memory.meanwhile = vec![meanwhile]);
        assert!(bring_about(&mut fake, &second).is_err());
        assert_ne!(fake.read().unwrap(), before, "the stranger's change is there, and ours is not");
        bring_about(&mut fake, &second).unwrap();
        let mut fresh = Fake::new(true);
        bring_about(&mut fresh, &second).unwrap();
        assert_eq!(fake.read().unwrap(), fresh.read().unwrap());
    }
}

fn desired() -> VpcDesired {
    let mut vpc = VpcDesired::new("shop".parse().unwrap(), "front".parse().unwrap(), Position(1));
    vpc.subnets.insert("10.0.1.0/24".parse().unwrap());
    vpc.nat.insert([203, 0, 113, 64].into(), [10, 0, 1, 50].into());
    vpc.holders.insert([10, 0, 1, 50].into(), Some(Mac([2, 0, 0, 0, 0, 1])));
    vpc.holders.insert([10, 0, 1, 60].into(), None);
    vpc
}

fn pools() -> BTreeSet<IpNet> {
    ["203.0.113.64/27".parse().unwrap()].into()
}

fn bring_about(fake: &mut Fake, desired: &VpcDesired) -> Result<(), Fault> {
    let steps = diff(desired, &pools(), &fake.read()?);
    fake.apply(&steps)
}

fn round(fake: &mut Fake) -> Result<(), Fault> {
    bring_about(fake, &desired())
}

fn reconciled(fake: &mut Fake) -> Actual {
    round(fake).unwrap();
    fake.read().unwrap()
}
