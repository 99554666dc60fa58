//! The events of the golden file, written out in the domain's types. Where a part may be unset or an address may be of
//! either family, a kind is there more than once.

use std::time::Duration;

use mooring_domain::{
    Event, Position, Timestamp,
    address::Mac,
    event::{
        BindFailed, BindRequested, BindingFacts, ClaimFacts, ClaimRejected, ClaimRejection, Damping,
        EipDescribed, EipDetails, EipFacts, EipReleased, FailoverMeasured, FailoverTimes, GatewayDriftFound,
        GatewayFacts, HavipCreated, HavipFacts, HeardFacts, HoldReleased, HolderChanged, HolderContested,
        HolderRules, HolderSettled, HolderWithdrawn, LeaseRenewed, Limits, PoolCreated, QuotasChanged,
        SubnetCreated, VnicCreated, VnicFacts, VpcCreated, Withdrawal,
    },
    id::Id,
    labels::Labels,
    name::{BadName, Scope},
    nat::{Difference, Element},
};
use uuid::Uuid;

const V6: bool = true;
const V4: bool = false;

/// Each event with its name in the golden file: its kind as in the oneof, and what is special behind a slash.
pub fn all() -> Vec<(&'static str, Event)> {
    let mut all = of_networks();
    all.extend(of_pools_and_eips());
    all.extend(of_binding());
    all.extend(of_holders());
    all.extend(of_health());
    all
}

fn of_networks() -> Vec<(&'static str, Event)> {
    let members = vec![vnic(0x0a, V4), vnic(0x0b, V4)];
    let damping = Damping { step: Duration::from_millis(500), cap: Duration::from_secs(2) };
    let open = HavipCreated {
        havip: havip(V4),
        members: members.clone(),
        rules: HolderRules { whole_subnet: true, damping, announce: false },
    };
    let announced =
        HavipCreated { rules: HolderRules { announce: true, ..HolderRules::default() }, ..open.clone() };
    vec![
        ("havip_created/rules", Event::HavipCreated(open.clone())),
        ("havip_created/announce", Event::HavipCreated(announced.clone())),
        ("vpc_created", Event::VpcCreated(vpc())),
        ("subnet_created", Event::SubnetCreated(subnet("10.0.1.0/24", "10.0.1.1"))),
        ("subnet_created/v6", Event::SubnetCreated(subnet("fd00:1::/64", "fd00:1::1"))),
        ("subnet_created/reserved", Event::SubnetCreated(reserved())),
        ("subnet_updated", Event::SubnetUpdated(reserved())),
        ("vnic_created", Event::VnicCreated(vnic_created(vnic(0x0a, V4)))),
        ("vnic_created/v6", Event::VnicCreated(vnic_created(vnic(0x0b, V6)))),
        (
            "havip_created",
            Event::HavipCreated(HavipCreated { havip: havip(V4), members, rules: HolderRules::default() }),
        ),
        (
            "havip_created/no_members_v6",
            Event::HavipCreated(HavipCreated {
                havip: havip(V6),
                members: vec![],
                rules: HolderRules::default(),
            }),
        ),
        ("vpc_deleted", Event::VpcDeleted(vpc())),
        ("subnet_deleted", Event::SubnetDeleted(subnet("10.0.1.0/24", "10.0.1.1"))),
        ("vnic_deleted", Event::VnicDeleted(vnic_created(vnic(0x0a, V4)))),
        ("havip_updated", Event::HavipUpdated(announced.clone())),
        ("havip_updated/rules", Event::HavipUpdated(open.clone())),
        ("havip_deleted", Event::HavipDeleted(havip(V4))),
    ]
}

fn of_pools_and_eips() -> Vec<(&'static str, Event)> {
    let released = HoldReleased { binding: id(0x70), region: text("r1"), held: None };
    let held = HoldReleased { held: Some((eip(V4), havip(V4))), ..released.clone() };
    vec![
        ("pool_created", Event::PoolCreated(pool())),
        (
            "pool_created/cooling",
            Event::PoolCreated(PoolCreated { cooling: Duration::from_hours(24), ..pool() }),
        ),
        ("pool_updated", Event::PoolUpdated(pool())),
        (
            "pool_updated/cooling",
            Event::PoolUpdated(PoolCreated { cooling: Duration::from_hours(24), ..pool() }),
        ),
        ("pool_updated/draining", Event::PoolUpdated(PoolCreated { draining: true, ..pool() })),
        ("pool_deleted", Event::PoolDeleted(PoolCreated { draining: true, ..pool() })),
        ("eip_allocated", Event::EipAllocated(plain(eip(V4)))),
        ("eip_allocated/v6", Event::EipAllocated(plain(eip(V6)))),
        ("eip_allocated/described", Event::EipAllocated(described(eip(V4)))),
        ("eip_updated", Event::EipUpdated(described(eip(V6)))),
        ("eip_updated/nothing", Event::EipUpdated(plain(eip(V4)))),
        ("eip_released", Event::EipReleased(EipReleased { eip: eip(V4), cooling_until: None })),
        (
            "eip_released/cooling",
            Event::EipReleased(EipReleased {
                eip: eip(V4),
                cooling_until: Some(Timestamp(1_763_765_000_250_000_000)),
            }),
        ),
        ("quotas_changed", Event::QuotasChanged(quotas())),
        ("hold_placed", Event::HoldPlaced(binding(V4))),
        ("hold_released", Event::HoldReleased(held)),
        ("hold_released/nothing_held", Event::HoldReleased(released)),
    ]
}

fn of_binding() -> Vec<(&'static str, Event)> {
    let failed = BindFailed {
        request: request(),
        reason: "EIP_NOT_FOUND".into(),
        message: "the EIP does not exist – was it released?".into(),
    };
    vec![
        ("bind_requested", Event::BindRequested(request())),
        ("bind_requested/moved", Event::BindRequested(moved())),
        ("bound", Event::Bound(binding(V4))),
        ("bound/v6", Event::Bound(binding(V6))),
        ("bind_failed/moved", Event::BindFailed(BindFailed { request: moved(), ..failed.clone() })),
        ("bind_failed", Event::BindFailed(failed)),
        ("unbind_requested", Event::UnbindRequested(binding(V4))),
        ("unbound", Event::Unbound(binding(V4))),
        ("gateway_registered", Event::GatewayRegistered(gateway())),
        ("gateway_decommissioned", Event::GatewayDecommissioned(gateway())),
        ("gateway_drift_found", Event::GatewayDriftFound(drift())),
        ("gateway_drift_found/rules", Event::GatewayDriftFound(rules_changed())),
    ]
}

/// Of a holder that goes on, falls silent, or lets go.
fn of_holders() -> Vec<(&'static str, Event)> {
    let withdrawn =
        HolderWithdrawn { havip: havip(V4), holder: vnic(0x0b, V4), reason: Withdrawal::Withdrawn };
    let expired = HolderWithdrawn { reason: Withdrawal::Expired, ..withdrawn.clone() };
    let excluded = HolderWithdrawn { reason: Withdrawal::Excluded, ..withdrawn.clone() };
    let renewed = LeaseRenewed {
        havip: havip(V4),
        holder: vnic(0x0b, V4),
        renewed_at: Timestamp(1_763_765_000_250_000_000),
        lease: Duration::from_secs(30),
    };
    let heard = HeardFacts {
        havip: havip(V4),
        holder: vnic(0x0b, V4),
        gateway: text("gw-1"),
        heard_at: Timestamp(1_763_765_000_250_000_000),
    };
    vec![
        ("holder_silent", Event::HolderSilent(heard.clone())),
        ("holder_heard", Event::HolderHeard(heard)),
        ("holder_withdrawn", Event::HolderWithdrawn(withdrawn)),
        ("holder_withdrawn/expired", Event::HolderWithdrawn(expired)),
        ("holder_withdrawn/excluded", Event::HolderWithdrawn(excluded)),
        ("lease_renewed", Event::LeaseRenewed(renewed)),
    ]
}

fn of_health() -> Vec<(&'static str, Event)> {
    let changed = HolderChanged {
        havip: havip(V4),
        holder: vnic(0x0b, V4),
        previous: Some(vnic(0x0a, V4)),
        claim: claim(0x0b),
        backoff: Duration::ZERO,
        lease: None,
    };
    let damped = HolderChanged { backoff: Duration::from_secs(2), ..changed.clone() };
    let leased = HolderChanged { lease: Some(Duration::from_secs(30)), ..changed.clone() };
    let contested = HolderContested {
        havip: havip(V4),
        holder: vnic(0x0b, V4),
        rival: vnic(0x0a, V4),
        claim: claim(0x0a),
        until: Timestamp(1_763_765_000_250_000_000),
    };
    let settled = HolderSettled { havip: havip(V4), holder: vnic(0x0b, V4) };
    let first = HolderChanged { havip: havip(V6), holder: vnic(0x0b, V6), previous: None, ..changed.clone() };
    let rejected = ClaimRejected {
        havip: havip(V4),
        claim: claim(0x0c),
        vnic: Some(vnic(0x0c, V4)),
        reason: ClaimRejection::NotAMember,
        unrecorded: 0,
    };
    let stranger = ClaimRejected {
        claim: claim(0xee),
        vnic: None,
        reason: ClaimRejection::UnknownMac,
        ..rejected.clone()
    };
    let counted = ClaimRejected { unrecorded: 41, ..rejected.clone() };
    vec![
        ("holder_changed/damped", Event::HolderChanged(damped)),
        ("claim_rejected/counted", Event::ClaimRejected(counted)),
        ("holder_contested", Event::HolderContested(contested)),
        ("holder_settled", Event::HolderSettled(settled)),
        ("holder_changed/leased", Event::HolderChanged(leased)),
        ("holder_changed", Event::HolderChanged(changed)),
        ("holder_changed/first_v6", Event::HolderChanged(first)),
        ("claim_rejected", Event::ClaimRejected(rejected)),
        ("claim_rejected/stranger", Event::ClaimRejected(stranger)),
        ("failover_measured", Event::FailoverMeasured(measured())),
    ]
}

fn measured() -> FailoverMeasured {
    FailoverMeasured {
        havip: havip(V4),
        holder: vnic(0x0b, V4),
        times: FailoverTimes {
            claim: claim(0x0b),
            started_at: Timestamp(1_795_181_000_000_000_000),
            decided_at: Timestamp(1_795_181_156_123_500_000),
            applied_at: Timestamp(1_795_181_156_123_600_000),
            stored: Position(57),
            followed_at: Timestamp(1_795_181_156_129_000_000),
        },
    }
}

fn id<K>(last: u8) -> Id<K> {
    Id::new(Uuid::from_u128(0x01976e2a_0000_7000_8000_000000000000 | u128::from(last)))
}

fn text<T: std::str::FromStr<Err = BadName>>(text: &str) -> T {
    text.parse().unwrap()
}

fn pool() -> PoolCreated {
    let cidrs = ["203.0.113.0/28", "2001:db8:7::/120"].map(|cidr| cidr.parse().unwrap());
    let (region, display_name) = (text("r1"), text("public"));
    let cooling = Duration::ZERO;
    PoolCreated { id: id(0x10), region, display_name, cidrs: cidrs.into(), cooling, draining: false }
}

fn vpc() -> VpcCreated {
    VpcCreated { id: id(0x20), project: text("shop"), region: text("r1"), display_name: text("blue") }
}

fn subnet(cidr: &str, gateway: &str) -> SubnetCreated {
    SubnetCreated {
        id: id(0x30),
        vpc: id(0x20),
        project: text("shop"),
        region: text("r1"),
        display_name: text("Web.1_a"),
        cidr: cidr.parse().unwrap(),
        gateway_address: gateway.parse().unwrap(),
        reserved: Vec::new(),
    }
}

fn reserved() -> SubnetCreated {
    let reserved = ["10.0.1.240/28", "10.0.1.9/32"].map(|block| block.parse().unwrap());
    SubnetCreated { reserved: reserved.into(), ..subnet("10.0.1.0/24", "10.0.1.1") }
}

fn vnic(last: u8, v6: bool) -> VnicFacts {
    let address = if v6 { format!("fd00:1::{last:x}") } else { format!("10.0.1.{last}") };
    VnicFacts {
        id: id(last),
        mac: mooring_domain::address::Mac([0x02, 0, 0, 0, 0, last]),
        address: address.parse().unwrap(),
        instance: text(&format!("vm-{last:x}")),
    }
}

fn vnic_created(vnic: VnicFacts) -> VnicCreated {
    VnicCreated { vnic, vpc: id(0x20), subnet: id(0x30), project: text("shop"), region: text("r1") }
}

fn havip(v6: bool) -> HavipFacts {
    HavipFacts {
        id: id(0x50),
        project: text("shop"),
        region: text("r1"),
        vpc: id(0x20),
        subnet: id(0x30),
        address: if v6 { "fd00:1::50" } else { "10.0.1.50" }.parse().unwrap(),
        display_name: text("front"),
    }
}

fn eip(v6: bool) -> EipFacts {
    EipFacts {
        id: id(0x60),
        project: text("shop"),
        region: text("r1"),
        pool: id(0x10),
        address: if v6 { "2001:db8:7::7" } else { "203.0.113.7" }.parse().unwrap(),
        display_name: text("web"),
    }
}

fn quotas() -> QuotasChanged {
    let scope = Scope { project: text("shop"), region: text("r1") };
    let limits = Limits { eips: 50, havips_per_vpc: 300, havips_per_instance: 9, members_per_havip: 7 };
    QuotasChanged { scope, limits }
}

fn plain(eip: EipFacts) -> EipDescribed {
    EipDescribed { eip, details: EipDetails::default() }
}

fn described(eip: EipFacts) -> EipDescribed {
    let labels = [("env", "prod"), ("example.com/tier", "")];
    let labels = Labels::new(labels.map(|(key, value)| (key.into(), value.into()))).unwrap();
    let details =
        EipDetails { description: text("the shop's – not the bank's"), labels, delete_protection: true };
    EipDescribed { eip, details }
}

fn binding(v6: bool) -> BindingFacts {
    BindingFacts { binding: id(0x70), eip: eip(v6), havip: havip(v6) }
}

fn request() -> BindRequested {
    BindRequested {
        binding: id(0x70),
        eip: id(0x60),
        havip: id(0x50),
        project: text("shop"),
        region: text("r1"),
        eip_project: text("bank"),
        moved_from: None,
    }
}

fn moved() -> BindRequested {
    BindRequested { moved_from: Some(id(0x71)), ..request() }
}

fn gateway() -> GatewayFacts {
    GatewayFacts { gateway: text("gw-1"), region: text("r1") }
}

/// Every set, and each way to differ.
fn drift() -> GatewayDriftFound {
    let ip = |text: &str| text.parse().unwrap();
    let (eip, havip, mac) = (ip("203.0.113.7"), ip("10.0.1.50"), Mac([2, 0, 0, 0, 0, 0x0a]));
    let (other, v6) = (ip("10.0.1.60"), ip("2001:db8:7::7"));
    let missing = |element| Difference { wanted: Some(element), found: None };
    let foreign = |element| Difference { wanted: None, found: Some(element) };
    let differences = vec![
        missing(Element::Subnet("10.0.1.0/24".parse().unwrap())),
        foreign(Element::Pool("2001:db8:7::/120".parse().unwrap())),
        Difference {
            wanted: Some(Element::EipToHavip(eip, havip)),
            found: Some(Element::EipToHavip(eip, other)),
        },
        missing(Element::HavipToEip(havip, eip)),
        missing(Element::Havip(havip)),
        foreign(Element::Unheld(havip)),
        missing(Element::Holder(havip, mac)),
        missing(Element::Neighbour(havip, mac)),
        foreign(Element::Route(v6)),
    ];
    GatewayDriftFound {
        gateway: gateway(),
        project: text("shop"),
        vpc: id(0x20),
        position: Position(12),
        found_at: Timestamp(1_750_000_000_123_456_789),
        mended_at: Timestamp(1_750_000_000_223_456_789),
        rules: false,
        differing: differences.len() as u64,
        differences,
        unrecorded: 0,
    }
}

fn rules_changed() -> GatewayDriftFound {
    GatewayDriftFound { rules: true, differences: Vec::new(), differing: 5000, unrecorded: 3, ..drift() }
}

fn claim(mac: u8) -> ClaimFacts {
    ClaimFacts {
        gateway: text("gw-1"),
        number: 300,
        mac: mooring_domain::address::Mac([0x02, 0, 0, 0, 0, mac]),
        observed_at: Timestamp(1_750_000_000_123_456_789),
    }
}
