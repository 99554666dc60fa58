//! A region's log in short words: one project, pools, VPCs, HAVIPs and EIPs by number.

use std::{net::IpAddr, time::Duration};

use mooring_domain::{
    Actor, Commit, CommitPosition, Event, Position, Stream, Timestamp,
    address::Mac,
    event::{
        BindingFacts, ClaimFacts, EipFacts, HavipCreated, HavipFacts, HolderChanged, HolderRules,
        PoolCreated, SubnetCreated, VnicCreated, VnicFacts, VpcCreated,
    },
    id::{Id, VpcId},
    nat::{Desired, VpcDesired, fold},
};
use uuid::Uuid;

pub fn id<K>(number: u128) -> Id<K> {
    Id::new(Uuid::from_u128(number))
}

pub fn eip(number: u8) -> IpAddr {
    [203, 0, 113, number].into()
}

/// The same private address in every VPC: addresses repeat between them.
pub fn havip(number: u8) -> IpAddr {
    [10, 0, 1, number].into()
}

pub fn mac(number: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, number])
}

pub fn pool(number: u128, cidrs: &[&str]) -> Event {
    Event::PoolCreated(PoolCreated {
        id: id(number),
        region: "north".parse().unwrap(),
        display_name: "pool".parse().unwrap(),
        cidrs: cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect(),
        cooling: Duration::ZERO,
        draining: false,
    })
}

pub fn vpc(number: u128) -> Event {
    Event::VpcCreated(VpcCreated {
        id: id(number),
        project: "shop".parse().unwrap(),
        region: "north".parse().unwrap(),
        display_name: format!("vpc-{number}").parse().unwrap(),
    })
}

pub fn subnet(vpc: u128, cidr: &str) -> Event {
    Event::SubnetCreated(SubnetCreated {
        id: id(1),
        vpc: id(vpc),
        project: "shop".parse().unwrap(),
        region: "north".parse().unwrap(),
        display_name: "subnet".parse().unwrap(),
        cidr: cidr.parse().unwrap(),
        gateway_address: havip(1),
        reserved: Vec::new(),
    })
}

pub fn havip_facts(vpc: u128, address: IpAddr) -> HavipFacts {
    HavipFacts {
        id: id(1),
        project: "shop".parse().unwrap(),
        region: "north".parse().unwrap(),
        vpc: id(vpc),
        subnet: id(1),
        address,
        display_name: "vip".parse().unwrap(),
    }
}

/// A vNIC in subnet 1.
pub fn vnic(vpc: u128, number: u8) -> Event {
    let HavipFacts { project, region, .. } = havip_facts(vpc, havip(1));
    Event::VnicCreated(VnicCreated { vnic: vnic_facts(number), vpc: id(vpc), subnet: id(1), project, region })
}

/// That this is gone.
pub fn gone(created: Event) -> Event {
    match created {
        Event::VpcCreated(vpc) => Event::VpcDeleted(vpc),
        Event::SubnetCreated(subnet) => Event::SubnetDeleted(subnet),
        Event::VnicCreated(vnic) => Event::VnicDeleted(vnic),
        other => other,
    }
}

fn vnic_facts(number: u8) -> VnicFacts {
    let address = [10, 0, 1, 100 + number].into();
    VnicFacts { id: id(number.into()), mac: mac(number), address, instance: "vm".parse().unwrap() }
}

pub fn havip_created(vpc: u128, address: IpAddr, members: &[u8]) -> Event {
    let members = members.iter().copied().map(vnic_facts).collect();
    Event::HavipCreated(HavipCreated {
        havip: havip_facts(vpc, address),
        members,
        rules: HolderRules::default(),
    })
}

/// The same with other members.
pub fn havip_updated(vpc: u128, address: IpAddr, members: &[u8]) -> Event {
    match havip_created(vpc, address, members) {
        Event::HavipCreated(havip) => Event::HavipUpdated(havip),
        other => other,
    }
}

pub fn havip_deleted(vpc: u128, address: IpAddr) -> Event {
    Event::HavipDeleted(havip_facts(vpc, address))
}

fn binding(vpc: u128, eip: IpAddr, havip: IpAddr) -> BindingFacts {
    let eip = EipFacts {
        id: id(1),
        project: "shop".parse().unwrap(),
        region: "north".parse().unwrap(),
        pool: id(1),
        address: eip,
        display_name: "eip".parse().unwrap(),
    };
    BindingFacts { binding: id(1), eip, havip: havip_facts(vpc, havip) }
}

pub fn bound(vpc: u128, eip: IpAddr, havip: IpAddr) -> Event {
    Event::Bound(binding(vpc, eip, havip))
}

pub fn unbind_requested(vpc: u128, eip: IpAddr, havip: IpAddr) -> Event {
    Event::UnbindRequested(binding(vpc, eip, havip))
}

pub fn unbound(vpc: u128, eip: IpAddr, havip: IpAddr) -> Event {
    Event::Unbound(binding(vpc, eip, havip))
}

pub fn holder_changed(vpc: u128, address: IpAddr, holder: u8) -> Event {
    let claim = ClaimFacts {
        gateway: "gw-1".parse().unwrap(),
        number: 1,
        mac: mac(holder),
        observed_at: Timestamp(1),
    };
    let havip = havip_facts(vpc, address);
    Event::HolderChanged(HolderChanged {
        havip,
        holder: vnic_facts(holder),
        previous: None,
        claim,
        backoff: Default::default(),
        lease: None,
    })
}

/// A commit of these events at this position.
pub fn commit(position: u64, events: Vec<Event>) -> Commit {
    Commit {
        at: CommitPosition { position: Position(position), index: 0 },
        stream: Stream::Resource,
        recorded_at: Timestamp(position),
        actor: Actor("test".into()),
        request_id: None,
        events,
    }
}

/// A log that has one event in each record, folded from the start.
pub fn folded(events: &[Event]) -> Desired {
    let mut desired = Desired::default();
    for (position, event) in (1..).zip(events) {
        fold(&mut desired, &commit(position, vec![event.clone()]));
    }
    desired
}

/// The VPC of this number.
pub fn in_vpc(desired: &Desired, number: u128) -> &VpcDesired {
    let number: VpcId = id(number);
    &desired.vpcs[&number]
}
