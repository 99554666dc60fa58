//! Every kind of event has its sentence; the exhaustive match below sends whoever adds a kind here.

#[path = "history_stories/deleted.rs"]
mod deleted;

use mooring_proto::event::v1::{
    Address, Bound, Cidr, Claim, Damping, Difference, EipDetails, Element, GatewayDecommissioned,
    GatewayDriftFound, GatewayRegistered, HavipDeleted, HoldPlaced, HolderSettled, Label, LeaseRenewed,
    QuotasChanged, UnbindRequested, Unbound,
};

use self::deleted::deleted;
use super::*;

fn id(last: u8) -> Vec<u8> {
    let mut id = vec![0; 16];
    id[15] = last;
    id
}

fn uuid(last: u8) -> String {
    wire::id(&id(last))
}

fn address(octets: [u8; 4]) -> Option<Address> {
    Some(Address { octets: octets.to_vec().into() })
}

fn eip() -> Option<EipFacts> {
    Some(EipFacts {
        eip_id: id(1).into(),
        project: "shop".into(),
        region: "r1".into(),
        pool_id: id(4).into(),
        address: address([203, 0, 113, 7]),
        display_name: "web".into(),
    })
}

fn details() -> EipDetails {
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    let labels = vec![label("env", "prod"), label("tier", "")];
    EipDetails { description: "the shop".into(), labels, delete_protection: true }
}

fn havip() -> Option<HavipFacts> {
    Some(HavipFacts {
        havip_id: id(2).into(),
        project: "shop".into(),
        region: "r1".into(),
        vpc_id: id(5).into(),
        subnet_id: id(6).into(),
        address: address([10, 0, 1, 50]),
        display_name: "front".into(),
    })
}

fn vnic(instance: &str, last: u8) -> Vnic {
    Vnic {
        vnic_id: id(last).into(),
        mac: vec![2, 0, 0, 0, 0, last].into(),
        address: address([10, 0, 1, last]),
        instance: instance.into(),
    }
}

fn claim(last: u8) -> Option<Claim> {
    Some(Claim { gateway: "gw-1".into(), number: 9, mac: vec![2, 0, 0, 0, 0, last].into(), observed_at: 1 })
}

/// Kind, and the sentence that is expected of it, in the order of a real history.
fn expected() -> Vec<(Kind, String)> {
    let (eip_text, havip_text) = ("EIP web (203.0.113.7)", "HAVIP front (10.0.1.50)");
    let binding = uuid(3);
    let mut all = resource_events(eip_text, havip_text);
    all.extend(deleted());
    let mut say = |kind: Kind, sentence: String| all.push((kind, sentence));
    say(
        Kind::BindRequested(BindRequested {
            binding_id: id(3).into(),
            eip_id: id(1).into(),
            havip_id: id(2).into(),
            ..Default::default()
        }),
        format!("bind of {eip_text} to {havip_text} requested as binding {binding}"),
    );
    say(
        Kind::HoldPlaced(HoldPlaced { binding_id: id(3).into(), eip: eip(), havip: havip() }),
        format!("{eip_text} and {havip_text} held for binding {binding}"),
    );
    say(
        Kind::Bound(Bound { binding_id: id(3).into(), eip: eip(), havip: havip() }),
        format!("{eip_text} bound to {havip_text} by binding {binding}"),
    );
    say(
        Kind::UnbindRequested(UnbindRequested { binding_id: id(3).into(), eip: eip(), havip: havip() }),
        format!("unbind of {eip_text} from {havip_text} requested"),
    );
    say(
        Kind::HoldReleased(HoldReleased {
            binding_id: id(3).into(),
            region: "r1".into(),
            eip: eip(),
            havip: havip(),
        }),
        format!("{eip_text} and {havip_text} held no more for binding {binding}"),
    );
    say(
        Kind::Unbound(Unbound { binding_id: id(3).into(), eip: eip(), havip: havip() }),
        format!("{eip_text} unbound from {havip_text}: both are free"),
    );
    say(
        Kind::BindFailed(BindFailed {
            eip_id: id(1).into(),
            havip_id: id(2).into(),
            reason: "HAVIP_TAKEN".into(),
            message: "the HAVIP has an EIP".into(),
            ..Default::default()
        }),
        format!("bind of {eip_text} to {havip_text} failed: the HAVIP has an EIP (HAVIP_TAKEN)"),
    );
    all.extend(leases(havip_text));
    all.extend(updates(eip_text));
    all.extend(endings(havip_text));
    all.extend(silence(havip_text));
    all.push(failover_measured(havip_text));
    all
}

fn resource_events(eip_text: &str, havip_text: &str) -> Vec<(Kind, String)> {
    let block = |octets, prefix_length| Cidr { network: address(octets), prefix_length };
    let pool = PoolCreated {
        pool_id: id(4).into(),
        display_name: "public".into(),
        cidrs: vec![block([203, 0, 113, 0], 28), block([198, 51, 100, 0], 24)],
        ..Default::default()
    };
    let vpc = VpcCreated {
        vpc_id: id(5).into(),
        project: "shop".into(),
        display_name: "blue".into(),
        ..Default::default()
    };
    let subnet = SubnetCreated {
        subnet_id: id(6).into(),
        vpc_id: id(5).into(),
        display_name: "inner".into(),
        cidr: Some(block([10, 0, 1, 0], 24)),
        gateway_address: address([10, 0, 1, 1]),
        reserved: vec![block([10, 0, 1, 240], 28), block([10, 0, 1, 9], 32)],
        ..Default::default()
    };
    let vnic_created =
        VnicCreated { vnic: Some(vnic("vm-a", 11)), subnet_id: id(6).into(), ..Default::default() };
    let members = vec![vnic("vm-a", 11), vnic("vm-b", 12)];
    vec![
        (Kind::PoolCreated(pool), "pool public created with 203.0.113.0/28, 198.51.100.0/24".into()),
        (Kind::VpcCreated(vpc), "VPC blue created in project shop".into()),
        (
            Kind::SubnetCreated(subnet),
            "subnet inner (10.0.1.0/24, router 10.0.1.1) created in VPC blue; reserved: 10.0.1.240/28, 10.0.1.9/32"
                .into(),
        ),
        (
            Kind::VnicCreated(vnic_created),
            "vNIC of vm-a (02:00:00:00:00:0b, 10.0.1.11) created in subnet inner".into(),
        ),
        (
            Kind::HavipCreated(HavipCreated { havip: havip(), members, ..Default::default() }),
            format!("{havip_text} created in subnet inner; members: vm-a, vm-b"),
        ),
        (
            Kind::HavipUpdated(HavipUpdated {
                havip: havip(),
                members: vec![vnic("vm-b", 12)],
                whole_subnet: true,
                damping: Some(Damping { step: 500_000_000, cap: 2_000_000_000 }),
                announce: true,
            }),
            format!(
                "{havip_text} changed; members: vm-b; any vNIC of the subnet may claim it; damping 500ms/2s; may be \
                 announced over gRPC"
            ),
        ),
        (
            Kind::EipAllocated(EipAllocated { eip: eip(), details: None }),
            format!("{eip_text} allocated to project shop from pool public"),
        ),
    ]
}

fn leases(havip_text: &str) -> Vec<(Kind, String)> {
    vec![
        (
            Kind::HolderWithdrawn(HolderWithdrawn {
                havip: havip(),
                holder: Some(vnic("vm-b", 12)),
                reason: "EXPIRED".into(),
            }),
            format!(
                "{havip_text} held by vm-b (02:00:00:00:00:0c, 10.0.1.12) no more, and by nobody: its lease ended"
            ),
        ),
        (
            Kind::LeaseRenewed(LeaseRenewed {
                havip: havip(),
                holder: Some(vnic("vm-b", 12)),
                renewed_at: 7,
                lease: 30_000_000_000,
            }),
            format!(
                "{havip_text} held on by vm-b (02:00:00:00:00:0c, 10.0.1.12), announced over gRPC with a lease of 30s"
            ),
        ),
    ]
}

fn endings(havip_text: &str) -> Vec<(Kind, String)> {
    let changed = HolderChanged {
        havip: havip(),
        holder: Some(vnic("vm-b", 12)),
        previous: Some(vnic("vm-a", 11)),
        claim: claim(12),
        ..Default::default()
    };
    let contested = HolderContested {
        havip: havip(),
        holder: Some(vnic("vm-a", 11)),
        rival: Some(vnic("vm-b", 12)),
        claim: claim(12),
        backoff_ends_at: 1_763_765_000_250_000_000,
    };
    let settled = HolderSettled { havip: havip(), holder: Some(vnic("vm-b", 12)) };
    let rejected = ClaimRejected {
        havip: havip(),
        claim: claim(13),
        vnic: Some(vnic("vm-c", 13)),
        reason: "NOT_A_MEMBER".into(),
        unrecorded: 0,
    };
    let (gateway, region) = ("gw-1".to_owned(), "r1".to_owned());
    vec![
        (
            Kind::GatewayRegistered(GatewayRegistered { gateway: gateway.clone(), region: region.clone() }),
            "gateway gw-1 registered in region r1".into(),
        ),
        (
            Kind::GatewayDecommissioned(GatewayDecommissioned { gateway, region }),
            "gateway gw-1 of region r1 decommissioned: it carries nothing".into(),
        ),
        drift_found(),
        (
            Kind::HolderChanged(changed),
            format!(
                "{havip_text} held by vm-b (02:00:00:00:00:0c, 10.0.1.12), before by vm-a; seen by gateway gw-1"
            ),
        ),
        (
            Kind::ClaimRejected(rejected),
            format!(
                "claim of {havip_text} by vm-c (02:00:00:00:00:0d) rejected: no member; seen by gateway gw-1"
            ),
        ),
        (
            Kind::HolderContested(contested),
            format!(
                "{havip_text} contested by vm-b (02:00:00:00:00:0c, 10.0.1.12); vm-a keeps it until \
                 2025-11-21T22:43:20.250Z at least; seen by gateway gw-1"
            ),
        ),
        (
            Kind::HolderSettled(settled),
            format!("{havip_text} is contested no more: vm-b (02:00:00:00:00:0c, 10.0.1.12) holds it"),
        ),
        (Kind::HavipDeleted(HavipDeleted { havip: havip() }), format!("{havip_text} deleted")),
    ]
}

fn updates(eip_text: &str) -> Vec<(Kind, String)> {
    let quotas = QuotasChanged {
        project: "shop".into(),
        region: "r1".into(),
        eips: 50,
        havips_per_vpc: 6,
        havips_per_instance: 7,
        members_per_havip: 8,
    };
    vec![
        (
            Kind::QuotasChanged(quotas),
            "project shop may have 50 EIPs, 6 HAVIPs in a VPC, 8 members of a HAVIP, and each instance be a member of 7"
                .to_owned(),
        ),
        (
            Kind::EipUpdated(EipUpdated { eip: eip(), details: None }),
            format!("{eip_text} updated: nothing more"),
        ),
        (
            Kind::EipUpdated(EipUpdated { eip: eip(), details: Some(details()) }),
            format!(
                "{eip_text} updated: description \"the shop\"; labels env=prod,tier=; protected from release"
            ),
        ),
        (
            Kind::EipReleased(EipReleased { eip: eip(), cooling_until: 1_763_765_000_250_000_000 }),
            format!("{eip_text} released to pool public; its address cools until 2025-11-21T22:43:20.250Z"),
        ),
    ]
}

fn silence(havip_text: &str) -> Vec<(Kind, String)> {
    let silent = HolderSilent {
        havip: havip(),
        holder: Some(vnic("vm-a", 11)),
        gateway: "gw-1".into(),
        heard_at: 1_763_765_000_250_000_000,
    };
    let heard = HolderHeard {
        havip: havip(),
        holder: Some(vnic("vm-a", 11)),
        gateway: "gw-1".into(),
        heard_at: 1_763_765_001_250_000_000,
    };
    vec![
        (
            Kind::HolderSilent(silent),
            format!(
                "vm-a (02:00:00:00:00:0b, 10.0.1.11) holds {havip_text} and answers no more; gateway gw-1 heard it last at \
                 2025-11-21T22:43:20.250Z"
            ),
        ),
        (
            Kind::HolderHeard(heard),
            format!(
                "vm-a (02:00:00:00:00:0b, 10.0.1.11), which holds {havip_text}, is heard again; by gateway gw-1 at \
                 2025-11-21T22:43:21.250Z"
            ),
        ),
    ]
}

fn failover_measured(havip_text: &str) -> (Kind, String) {
    let claimed_at = claim(12).unwrap().observed_at;
    let measured = FailoverMeasured {
        havip: havip(),
        holder: Some(vnic("vm-b", 12)),
        claim: claim(12),
        applied_at: claimed_at + 400_000,
        stored_position: 57,
        followed_at: claimed_at + 6_500_000,
        ..Default::default()
    };
    let sentence = format!(
        "gateway gw-1 followed {havip_text} to vm-b: in its kernel 0.40 ms after the announcement, in the log (record 57) \
         6.50 ms after it"
    );
    (Kind::FailoverMeasured(measured), sentence)
}

fn drift_found() -> (Kind, String) {
    let element = |to: [u8; 4]| Element {
        set: "eip_to_havip".into(),
        address: address([203, 0, 113, 7]),
        to: address(to),
        ..Default::default()
    };
    let changed = Difference {
        element: Some(element([10, 0, 1, 50])),
        what: "CHANGED".into(),
        found: Some(element([10, 0, 1, 60])),
    };
    let newer = Difference { what: "MELTED".into(), ..changed.clone() };
    let drift = GatewayDriftFound {
        gateway: "gw-1".into(),
        region: "r1".into(),
        vpc_id: id(20).into(),
        found_at: 1_795_181_156_123_456_789,
        mended_at: 1_795_181_156_135_456_789,
        rules: true,
        differences: vec![changed, newer],
        differing: 9,
        unrecorded: 2,
        ..Default::default()
    };
    let sentence = format!(
        "gateway gw-1 found its kernel of VPC {} changed at 2026-11-20T13:25:56.123Z, mended it 12 ms later: tables, \
         chains or rules were not ours any more; eip_to_havip 203.0.113.7 : 10.0.1.50 is changed: eip_to_havip \
         203.0.113.7 : 10.0.1.60; what is malformed; 7 more elements; 2 before it were too many to record",
        uuid(20)
    );
    (Kind::GatewayDriftFound(drift), sentence)
}

/// A number for each kind. A new kind does not compile until it is here, and then fails the story below until it is told.
fn number(kind: &Kind) -> usize {
    match kind {
        Kind::PoolCreated(_) => 0,
        Kind::VpcCreated(_) => 1,
        Kind::SubnetCreated(_) => 2,
        Kind::VnicCreated(_) => 3,
        Kind::HavipCreated(_) => 4,
        Kind::HavipDeleted(_) => 5,
        Kind::EipAllocated(_) => 6,
        Kind::EipReleased(_) => 7,
        Kind::HoldPlaced(_) => 8,
        Kind::HoldReleased(_) => 9,
        Kind::BindRequested(_) => 10,
        Kind::Bound(_) => 11,
        Kind::BindFailed(_) => 12,
        Kind::UnbindRequested(_) => 13,
        Kind::Unbound(_) => 14,
        Kind::GatewayRegistered(_) => 15,
        Kind::GatewayDecommissioned(_) => 16,
        Kind::HolderChanged(_) => 17,
        Kind::ClaimRejected(_) => 18,
        Kind::GatewayDriftFound(_) => 19,
        Kind::HolderContested(_) => 20,
        Kind::HolderSettled(_) => 21,
        Kind::HolderWithdrawn(_) => 22,
        Kind::LeaseRenewed(_) => 23,
        Kind::HolderSilent(_) => 24,
        Kind::HolderHeard(_) => 25,
        Kind::EipUpdated(_) => 26,
        Kind::FailoverMeasured(_) => 27,
        Kind::HavipUpdated(_) => 28,
        Kind::VpcDeleted(_) => 29,
        Kind::SubnetDeleted(_) => 30,
        Kind::VnicDeleted(_) => 31,
        Kind::PoolUpdated(_) => 32,
        Kind::PoolDeleted(_) => 33,
        Kind::QuotasChanged(_) => 34,
        Kind::SubnetUpdated(_) => 35,
    }
}
const KINDS: usize = 36;

fn event(kind: Kind) -> Event {
    Event { kind: Some(kind) }
}

#[test]
fn every_kind_of_event_has_its_sentence() {
    let mut names = Names::default();
    let mut told = [false; KINDS];
    for (kind, sentence) in expected() {
        told[number(&kind)] = true;
        assert_eq!(names.sentence(&event(kind)), sentence);
    }
    assert_eq!(told, [true; KINDS]);
}

#[test]
fn an_event_of_a_newer_server_is_said_plainly() {
    assert!(Names::default().sentence(&Event { kind: None }).contains("does not know"));
}

#[test]
fn a_history_that_starts_in_the_middle_shows_ids() {
    let bind = BindRequested {
        binding_id: id(3).into(),
        eip_id: id(1).into(),
        havip_id: id(2).into(),
        ..Default::default()
    };
    let sentence = Names::default().sentence(&event(Kind::BindRequested(bind)));
    assert!(sentence.starts_with(&format!("bind of EIP {} to HAVIP {}", uuid(1), uuid(2))), "{sentence}");
}

#[test]
fn what_is_unset_has_a_sentence_too() {
    let mut names = Names::default();
    let nothing_held = HoldReleased { binding_id: id(3).into(), region: "r1".into(), eip: None, havip: None };
    let sentence = names.sentence(&event(Kind::HoldReleased(nothing_held)));
    assert_eq!(sentence, format!("binding {} can hold nothing any more; it held nothing", uuid(3)));
    let holder = Some(vnic("vm-a", 11));
    let first = HolderChanged { havip: havip(), holder, claim: claim(11), ..Default::default() };
    assert!(names.sentence(&event(Kind::HolderChanged(first))).contains("before by nobody"));
    let stranger = ClaimRejected {
        havip: havip(),
        claim: claim(66),
        vnic: None,
        reason: "UNKNOWN_MAC".into(),
        unrecorded: 7,
    };
    let sentence = names.sentence(&event(Kind::ClaimRejected(stranger)));
    let expected = "claim of HAVIP front (10.0.1.50) by the stranger 02:00:00:00:00:42 rejected: no vNIC of the subnet \
                    has this MAC; seen by gateway gw-1; 7 before it are not recorded";
    assert_eq!(sentence, expected);
    assert!(!names.sentence(&event(Kind::Bound(Bound::default()))).is_empty());
}

#[test]
fn an_eip_named_by_its_address_is_said_once() {
    let eip = EipFacts { display_name: "203.0.113.7".into(), ..eip().unwrap() };
    assert_eq!(eip_name(Some(&eip)), "203.0.113.7");
}
