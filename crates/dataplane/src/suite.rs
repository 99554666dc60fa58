//! What every [`Driver`] must do, as stories. The real kernel and the fake run the same.
//!
//! A story that does not hold panics, as tests do; a fault that none of them expects is handed back.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use ipnet::IpNet;
use mooring_domain::{
    Position,
    address::Mac,
    name::{BadName, Label, ProjectId},
    nat::{Actual, Op, VpcDesired, diff},
};

use crate::{Driver, DropReason, Fault};

/// Why a suite could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The driver had a fault.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The suite's own data is wrong.
    #[error("the suite's own data: {0}")]
    Name(#[from] BadName),
}

const GREEN: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
const BLUE: Mac = Mac([2, 0, 0, 0, 0, 0xb]);

/// Every story, one after the other, on one driver whose kernel has nothing of ours yet. Leaves nothing but an empty
/// ruleset behind.
pub fn run(driver: &mut dyn Driver) -> Result<(), Stopped> {
    nothing_is_ours_at_first(driver)?;
    the_kernel_becomes_what_is_desired(driver)?;
    a_holder_change_leaves_the_nat_alone(driver)?;
    a_pair_moves_in_one_transaction(driver)?;
    a_transaction_is_all_or_nothing(driver)?;
    what_is_gone_already_is_no_fault(driver)?;
    the_generation_grows_with_the_ruleset_only(driver)?;
    a_ruleset_made_anew_has_what_follows_it_only(driver)?;
    a_thousand_bindings_are_one_transaction(driver)?;
    a_cleared_kernel_has_nothing_of_ours(driver)?;
    nothing_is_left_when_all_is_gone(driver)
}

fn nothing_is_ours_at_first(driver: &mut dyn Driver) -> Result<(), Stopped> {
    let actual = driver.read()?;
    assert_eq!(actual, Actual { arp: actual.arp, ..Actual::default() });
    assert_eq!(driver.drops()?, []);
    Ok(())
}

fn the_kernel_becomes_what_is_desired(driver: &mut dyn Driver) -> Result<(), Stopped> {
    let desired = example()?;
    reconcile(driver, &desired)?;
    let actual = driver.read()?;
    assert_eq!(actual.eip_to_havip, [(eip(7), havip(50))].into());
    assert_eq!(actual.havip_to_eip, [(havip(50), eip(7))].into());
    assert_eq!(actual.fence, [(havip(50), GREEN)].into());
    assert_eq!(actual.neighbours, [(havip(50), GREEN)].into());
    assert_eq!(actual.unheld, [havip(51)].into());
    assert_eq!(actual.routes, if actual.arp { [eip(7)].into() } else { BTreeSet::new() });
    assert_eq!(driver.drops()?, DropReason::ALL.map(|reason| (reason, 0)));
    Ok(())
}

/// F1.
fn a_holder_change_leaves_the_nat_alone(driver: &mut dyn Driver) -> Result<(), Stopped> {
    let before = driver.read()?;
    let mut desired = example()?;
    desired.holders.insert(havip(50), Some(BLUE));
    let ops = reconcile(driver, &desired)?;
    let of_nat =
        |op: &Op| matches!(op, Op::MakeRuleset | Op::MapEip(..) | Op::MapHavip(..) | Op::UnmapEip(_));
    assert!(!ops.iter().any(of_nat), "{ops:?}");
    let after = driver.read()?;
    assert_eq!((after.eip_to_havip, after.havip_to_eip), (before.eip_to_havip, before.havip_to_eip));
    assert_eq!((after.routes, after.pools, after.subnets), (before.routes, before.pools, before.subnets));
    assert_eq!(after.fence, [(havip(50), BLUE)].into());
    assert_eq!(after.neighbours, [(havip(50), BLUE)].into());
    Ok(())
}

fn a_pair_moves_in_one_transaction(driver: &mut dyn Driver) -> Result<(), Stopped> {
    let mut desired = example()?;
    desired.nat = [(eip(7), havip(51)), (eip(8), havip(50))].into_iter().collect();
    reconcile(driver, &desired)?;
    assert_eq!(driver.read()?.havip_to_eip, [(havip(50), eip(8)), (havip(51), eip(7))].into());
    Ok(())
}

fn a_transaction_is_all_or_nothing(driver: &mut dyn Driver) -> Result<(), Stopped> {
    let before = driver.read()?;
    let ops = [Op::MapEip(eip(20), havip(60)), Op::UnmapEip(eip(99)), Op::MapEip(eip(21), havip(61))];
    assert!(driver.apply(&ops).is_err(), "an EIP that is not there was taken out");
    let ops = [Op::MapEip(eip(20), havip(60)), Op::MapEip(eip(7), havip(50))];
    assert!(driver.apply(&ops).is_err(), "an EIP now leads elsewhere than it did");
    assert_eq!(driver.read()?, before);
    Ok(())
}

fn what_is_gone_already_is_no_fault(driver: &mut dyn Driver) -> Result<(), Stopped> {
    let before = driver.read()?;
    driver.apply(&[Op::RemoveNeighbour(havip(99)), Op::RemoveRoute(eip(99))])?;
    assert_eq!(driver.read()?, before);
    Ok(())
}

fn the_generation_grows_with_the_ruleset_only(driver: &mut dyn Driver) -> Result<(), Stopped> {
    let first = driver.generation()?;
    driver.apply(&[])?;
    driver.apply(&[Op::SetNeighbour(havip(60), BLUE), Op::RemoveNeighbour(havip(60))])?;
    driver.read()?;
    assert_eq!(driver.generation()?, first);
    driver.apply(&[Op::AddHavip(havip(60))])?;
    let second = driver.generation()?;
    assert_ne!(second, first);
    driver.apply(&[Op::RemoveHavip(havip(60))])?;
    assert_ne!(driver.generation()?, second);
    Ok(())
}

fn a_ruleset_made_anew_has_what_follows_it_only(driver: &mut dyn Driver) -> Result<(), Stopped> {
    driver.apply(&[Op::MakeRuleset, Op::MapEip(eip(30), havip(30))])?;
    let actual = driver.read()?;
    assert!(actual.ruleset);
    assert_eq!(actual.eip_to_havip, [(eip(30), havip(30))].into());
    assert_eq!((actual.havip_to_eip.len(), actual.havips.len(), actual.subnets.len()), (0, 0, 0));
    Ok(())
}

fn a_thousand_bindings_are_one_transaction(driver: &mut dyn Driver) -> Result<(), Stopped> {
    let mut desired = example()?;
    let address = |a, n: u16| IpAddr::V4(Ipv4Addr::new(a, 20, (n >> 8) as u8, n as u8));
    desired.nat = (0..1000).map(|n| (address(198, n), address(10, n))).collect();
    desired.holders = (0..1000).map(|n| (address(10, n), (n % 2 == 0).then_some(GREEN))).collect();
    reconcile(driver, &desired)?;
    assert_eq!(driver.read()?.eip_to_havip.len(), 1000);
    Ok(())
}

fn a_cleared_kernel_has_nothing_of_ours(driver: &mut dyn Driver) -> Result<(), Stopped> {
    reconcile(driver, &example()?)?;
    for _ in 0..2 {
        driver.clear()?;
        nothing_is_ours_at_first(driver)?;
    }
    Ok(())
}

fn nothing_is_left_when_all_is_gone(driver: &mut dyn Driver) -> Result<(), Stopped> {
    let vpc = empty()?;
    let ops = diff(&vpc, &BTreeSet::new(), &driver.read()?);
    driver.apply(&ops)?;
    let actual = driver.read()?;
    assert_eq!(actual, Actual { ruleset: true, arp: actual.arp, ..Actual::default() });
    Ok(())
}

/// Make the kernel equal to this; afterwards there must be nothing left to do.
fn reconcile(driver: &mut dyn Driver, desired: &VpcDesired) -> Result<Vec<Op>, Fault> {
    let pools = [block("203.0.113.0/24"), block("198.20.0.0/16")].into_iter().flatten().collect();
    let ops = diff(desired, &pools, &driver.read()?);
    driver.apply(&ops)?;
    assert_eq!(diff(desired, &pools, &driver.read()?), [], "after {ops:?}");
    Ok(ops)
}

fn empty() -> Result<VpcDesired, BadName> {
    let (project, name): (ProjectId, Label) = ("shop".parse()?, "front".parse()?);
    Ok(VpcDesired::new(project, name, Position(1)))
}

/// Two subnets that touch, two HAVIPs, one of them held and with an EIP.
fn example() -> Result<VpcDesired, BadName> {
    let mut desired = empty()?;
    desired.subnets = [block("10.0.1.0/24"), block("10.0.2.0/23")].into_iter().flatten().collect();
    desired.nat.insert(eip(7), havip(50));
    desired.holders.insert(havip(50), Some(GREEN));
    desired.holders.insert(havip(51), None);
    Ok(desired)
}

fn block(text: &str) -> Option<IpNet> {
    text.parse().ok()
}

fn eip(last: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, last).into()
}

fn havip(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 1, last).into()
}
