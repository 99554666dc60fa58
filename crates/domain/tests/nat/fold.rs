//! Stories and properties of the fold.

use ipnet::IpNet;
use mooring_domain::{
    Event, Position,
    nat::{Desired, fold},
};
use proptest::prelude::*;

use crate::log::{
    bound, commit, eip, folded, gone, havip, havip_created, havip_deleted, havip_updated, holder_changed,
    in_vpc, mac, pool, subnet, unbind_requested, unbound, vnic, vpc,
};

/// A VPC with a subnet, a HAVIP of two members, held by the first, with an EIP.
fn in_use() -> Vec<Event> {
    vec![
        pool(1, &["203.0.113.0/24"]),
        vpc(1),
        subnet(1, "10.0.1.0/24"),
        havip_created(1, havip(50), &[1, 2]),
        bound(1, eip(7), havip(50)),
        holder_changed(1, havip(50), 1),
    ]
}

#[test]
fn a_binding_in_use_is_one_pair_a_holder_and_its_members() {
    let desired = folded(&in_use());
    let vpc = in_vpc(&desired, 1);
    assert_eq!(vpc.nat, [(eip(7), havip(50))].into_iter().collect());
    assert_eq!(vpc.holders, [(havip(50), Some(mac(1)))].into_iter().collect());
    assert_eq!(vpc.members[&havip(50)], [mac(1), mac(2)].into_iter().collect());
    let subnet: IpNet = "10.0.1.0/24".parse().unwrap();
    assert!(vpc.subnets.iter().eq([&subnet]));
    assert_eq!(vpc.display_name.as_str(), "vpc-1");
    assert_eq!((desired.position, vpc.position), (Position(6), Position(6)));
}

#[test]
fn f1_a_holder_change_leaves_the_nat_equal() {
    let before = folded(&in_use());
    let mut events = in_use();
    events.push(holder_changed(1, havip(50), 2));
    let after = folded(&events);
    assert_eq!(in_vpc(&after, 1).nat, in_vpc(&before, 1).nat);
    assert_eq!(in_vpc(&after, 1).holders[&havip(50)], Some(mac(2)));
}

#[test]
fn f2_only_the_havips_address_has_an_eip_and_never_a_members_own() {
    let desired = folded(&in_use());
    let vpc = in_vpc(&desired, 1);
    assert!(vpc.nat.values().eq([&havip(50)]));
    assert!(vpc.nat.keys().all(|public| desired.pools.values().flatten().any(|pool| pool.contains(public))));
}

#[test]
fn gateways_take_the_pair_out_when_the_unbind_is_requested_and_unbound_says_nothing_new() {
    let mut events = in_use();
    events.push(unbind_requested(1, eip(7), havip(50)));
    let requested = folded(&events);
    assert!(in_vpc(&requested, 1).nat.is_empty());
    assert_eq!(in_vpc(&requested, 1).position, Position(7));
    events.push(unbound(1, eip(7), havip(50)));
    let done = folded(&events);
    assert_eq!(in_vpc(&done, 1), in_vpc(&requested, 1));
    assert_eq!(done.position, Position(8));
}

#[test]
fn an_eip_bound_again_fronts_the_new_havip() {
    let mut events = in_use();
    events.extend([
        havip_created(1, havip(60), &[1]),
        unbind_requested(1, eip(7), havip(50)),
        unbound(1, eip(7), havip(50)),
        bound(1, eip(7), havip(60)),
    ]);
    assert_eq!(in_vpc(&folded(&events), 1).nat, [(eip(7), havip(60))].into_iter().collect());
}

#[test]
fn the_same_private_address_in_two_vpcs_is_two_havips() {
    let mut events = in_use();
    events.extend([vpc(2), havip_created(2, havip(50), &[3]), bound(2, eip(8), havip(50))]);
    events.push(holder_changed(2, havip(50), 3));
    let desired = folded(&events);
    assert_eq!(in_vpc(&desired, 1).holders[&havip(50)], Some(mac(1)));
    assert_eq!(in_vpc(&desired, 2).holders[&havip(50)], Some(mac(3)));
    assert_eq!(in_vpc(&desired, 2).nat, [(eip(8), havip(50))].into_iter().collect());
    assert_eq!(in_vpc(&desired, 1).position, Position(6), "another VPC's events are none of this one's");
}

#[test]
fn f1_other_members_leave_the_nat_equal_and_a_holder_that_is_none_of_them_holds_it_no_more() {
    let before = folded(&in_use());
    for (members, holder) in [(&[1, 3][..], Some(mac(1))), (&[2, 3], None), (&[], None)] {
        let mut events = in_use();
        events.push(havip_updated(1, havip(50), members));
        let after = folded(&events);
        let (vpc, before) = (in_vpc(&after, 1), in_vpc(&before, 1));
        assert_eq!((&vpc.nat, vpc.holders[&havip(50)]), (&before.nat, holder), "{members:?}");
        assert_eq!(vpc.members[&havip(50)], members.iter().map(|member| mac(*member)).collect());
    }
}

#[test]
fn whoever_may_not_hold_it_does_not_by_a_claim_that_was_decided_before() {
    let mut events = in_use();
    events.extend([havip_updated(1, havip(50), &[1, 3]), holder_changed(1, havip(50), 2)]);
    assert_eq!(in_vpc(&folded(&events), 1).holders[&havip(50)], None);
    events.push(holder_changed(1, havip(50), 3));
    assert_eq!(in_vpc(&folded(&events), 1).holders[&havip(50)], Some(mac(3)));
}

#[test]
fn a_subnet_that_is_gone_is_no_private_block_any_more_and_a_vpc_that_is_gone_is_remembered_by_name() {
    let mut events = vec![vpc(1), subnet(1, "10.0.1.0/24"), subnet(1, "10.0.2.0/24")];
    events.push(gone(subnet(1, "10.0.1.0/24")));
    let desired = folded(&events);
    let left: IpNet = "10.0.2.0/24".parse().unwrap();
    assert!(in_vpc(&desired, 1).subnets.iter().eq([&left]));
    assert_eq!(in_vpc(&desired, 1).position, Position(4));
    events.extend([gone(subnet(1, "10.0.2.0/24")), gone(vpc(1))]);
    let desired = folded(&events);
    assert!(desired.vpcs.is_empty());
    let names: Vec<_> =
        desired.gone.values().map(|gone| (gone.display_name.as_str(), gone.position)).collect();
    assert_eq!(names, [("vpc-1", Position(6))]);
}

#[test]
fn a_vnic_that_is_gone_holds_no_havip_of_its_open_subnet() {
    let open = |event| match event {
        Event::HavipCreated(mut havip) => {
            havip.rules.whole_subnet = true;
            Event::HavipCreated(havip)
        }
        other => other,
    };
    let mut events =
        vec![vpc(1), subnet(1, "10.0.1.0/24"), vnic(1, 5), open(havip_created(1, havip(50), &[1]))];
    events.push(holder_changed(1, havip(50), 5));
    assert_eq!(in_vpc(&folded(&events), 1).holders[&havip(50)], Some(mac(5)));
    events.push(gone(vnic(1, 5)));
    let desired = folded(&events);
    let vpc = in_vpc(&desired, 1);
    assert_eq!((vpc.holders[&havip(50)], vpc.vnics.len(), vpc.position), (None, 0, Position(6)));
}

#[test]
fn a_deleted_havip_is_forgotten_and_a_late_claim_does_not_bring_it_back() {
    let events = [
        vpc(1),
        havip_created(1, havip(50), &[1]),
        havip_deleted(1, havip(50)),
        holder_changed(1, havip(50), 1),
    ];
    let desired = folded(&events);
    let vpc = in_vpc(&desired, 1);
    assert!(vpc.holders.is_empty() && vpc.members.is_empty());
}

#[test]
fn what_is_about_a_vpc_that_nobody_knows_changes_nothing_but_the_position() {
    let events = [
        bound(1, eip(7), havip(50)),
        unbind_requested(1, eip(7), havip(50)),
        holder_changed(1, havip(50), 1),
        havip_created(1, havip(50), &[1]),
        subnet(1, "10.0.1.0/24"),
    ];
    let desired = folded(&events);
    assert_eq!(desired, Desired { position: Position(5), ..Desired::default() });
}

fn any_event() -> impl Strategy<Value = Event> {
    let (of, number) = (1u128..3, 50u8..54);
    prop_oneof![
        (1u128..3).prop_map(|number| pool(number, &["203.0.113.0/24"])),
        of.clone().prop_map(vpc),
        (of.clone(), 0u8..4).prop_map(|(of, net)| subnet(of, &format!("10.0.{net}.0/24"))),
        (of.clone(), number.clone()).prop_map(|(of, n)| havip_created(of, havip(n), &[1, 2])),
        (of.clone(), number.clone()).prop_map(|(of, n)| havip_deleted(of, havip(n))),
        (of.clone(), number.clone(), number.clone()).prop_map(|(of, e, n)| bound(of, eip(e), havip(n))),
        (of.clone(), number.clone(), number.clone()).prop_map(|(of, e, n)| unbind_requested(
            of,
            eip(e),
            havip(n)
        )),
        (of, number, 1u8..4).prop_map(|(of, n, holder)| holder_changed(of, havip(n), holder)),
    ]
}

proptest! {
    /// However the log is cut into records, and wherever a snapshot was taken, the same comes out.
    #[test]
    fn split_squashed_or_gone_on_with_from_a_snapshot_the_fold_is_the_same(
        events in proptest::collection::vec(any_event(), 0..60),
        cut in 0usize..60,
    ) {
        let at = |events: &[Event]| {
            let mut desired = Desired::default();
            for event in events {
                fold(&mut desired, &commit(1, vec![event.clone()]));
            }
            desired
        };
        let split = at(&events);
        let mut squashed = Desired::default();
        fold(&mut squashed, &commit(1, events.clone()));
        let (before, after) = events.split_at(cut.min(events.len()));
        let mut gone_on = at(before).clone();
        fold(&mut gone_on, &commit(1, after.to_vec()));
        let position = |desired: Desired| Desired { position: Position(1), ..desired };
        prop_assert_eq!(&position(split.clone()), &position(squashed));
        prop_assert_eq!(&position(split), &position(gone_on));
    }

    /// Events of different VPCs may stand in any order among each other.
    #[test]
    fn how_two_vpcs_events_are_interleaved_does_not_matter(
        events in proptest::collection::vec(any_event(), 0..60),
    ) {
        let of_second = |event: &Event| in_second(event);
        let mut sorted = events.clone();
        sorted.sort_by_key(of_second);
        let nat = |events: &[Event]| {
            let desired = folded(events);
            desired.vpcs.into_iter().map(|(id, vpc)| (id, vpc.nat, vpc.holders, vpc.members, vpc.subnets)).collect::<Vec<_>>()
        };
        prop_assert_eq!(nat(&events), nat(&sorted));
    }
}

fn in_second(event: &Event) -> bool {
    let second = crate::log::id(2);
    match event {
        Event::VpcCreated(vpc) => vpc.id == second,
        Event::SubnetCreated(subnet) => subnet.vpc == second,
        Event::HavipCreated(created) => created.havip.vpc == second,
        Event::HavipDeleted(havip) => havip.vpc == second,
        Event::Bound(binding) | Event::UnbindRequested(binding) => binding.havip.vpc == second,
        Event::HolderChanged(changed) => changed.havip.vpc == second,
        _ => false,
    }
}
