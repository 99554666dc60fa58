//! The fake does what the kernel does, and fails when it is told to.

use mooring_dataplane::{Driver as _, Fake, Fault, fake::Call, suite};
use mooring_domain::nat::Op;

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
    for call in [Call::Read, Call::Apply, Call::Generation, Call::Drops, Call::Ask, Call::Announce] {
        fake.fail(call, 1);
    }
    assert!(fake.read().is_err());
    assert!(fake.apply(&[]).is_err());
    assert!(fake.generation().is_err());
    assert!(fake.drops().is_err());
    assert!(fake.ask([10, 0, 1, 50].into(), None).is_err());
    assert!(fake.announce(&[[203, 0, 113, 7].into()]).is_err());
}
