//! What resource answers.

use std::time::Duration;

use ipnet::IpNet;
use mooring_domain::{
    CommitPosition,
    binding::Fronts,
    event::{EipDescribed, HavipCreated, Limits, PoolCreated, SubnetCreated, VnicCreated, VpcCreated},
    id::{BindingId, Kind},
    name::{Name, Scope},
    resource::{CoolingEip, Entry, Facts, Usage, Used},
};

use crate::{
    convert,
    resource::v1::{self as api, havip::ClaimPolicy, pool::State as PoolState},
};

fn name<F: Facts<Parent = Scope>>(facts: &F) -> String {
    Name { scope: facts.parent(), id: facts.id() }.to_string()
}

fn pool_name(region: &mooring_domain::name::RegionId, id: mooring_domain::id::PoolId) -> String {
    format!("regions/{region}/{}/{id}", mooring_domain::id::Pool::COLLECTION)
}

fn position(at: CommitPosition) -> u64 {
    at.position.0
}

/// A pool, with how many of its addresses are allocated, and how many cool.
pub fn pool(pool: &PoolCreated, at: CommitPosition, allocated: u64, cooling: u64) -> api::Pool {
    let free = size(&pool.cidrs).saturating_sub(u128::from(allocated) + u128::from(cooling));
    api::Pool {
        name: pool_name(&pool.region, pool.id),
        display_name: pool.display_name.to_string(),
        cidrs: pool.cidrs.iter().map(ToString::to_string).collect(),
        allocated,
        state: if pool.draining { PoolState::Draining } else { PoolState::Active }.into(),
        position: position(at),
        cooling_ms: Some(millis(pool.cooling)),
        cooling: Some(cooling),
        free: Some(u64::try_from(free).unwrap_or(u64::MAX)),
    }
}

/// How many addresses there are in these blocks.
fn size(cidrs: &[IpNet]) -> u128 {
    let of = |cidr: &IpNet| 1_u128.checked_shl(u32::from(cidr.max_prefix_len() - cidr.prefix_len()));
    cidrs.iter().fold(0, |sum: u128, cidr| sum.saturating_add(of(cidr).unwrap_or(u128::MAX)))
}

/// A VPC.
pub fn vpc(vpc: &VpcCreated, at: CommitPosition) -> api::Vpc {
    api::Vpc { name: name(vpc), display_name: vpc.display_name.to_string(), position: position(at) }
}

/// A subnet.
pub fn subnet(subnet: &SubnetCreated, at: CommitPosition) -> api::Subnet {
    api::Subnet {
        name: name(subnet),
        display_name: subnet.display_name.to_string(),
        vpc: Name::<mooring_domain::id::Vpc> { scope: subnet.parent(), id: subnet.vpc }.to_string(),
        cidr: subnet.cidr.to_string(),
        gateway_address: subnet.gateway_address.to_string(),
        reserved: subnet.reserved.iter().map(ToString::to_string).collect(),
        position: position(at),
    }
}

/// A vNIC.
pub fn vnic(created: &VnicCreated, at: CommitPosition) -> api::Vnic {
    api::Vnic {
        name: name(created),
        instance: created.vnic.instance.to_string(),
        subnet: Name::<mooring_domain::id::Subnet> { scope: created.parent(), id: created.subnet }
            .to_string(),
        mac: created.vnic.mac.to_string(),
        address: created.vnic.address.to_string(),
        vpc: Name::<mooring_domain::id::Vpc> { scope: created.parent(), id: created.vpc }.to_string(),
        position: position(at),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A HAVIP and the binding that holds it: `None` for one that was just created.
pub fn havip(created: &HavipCreated, at: CommitPosition, held_by: Option<BindingId>) -> api::Havip {
    let scope = created.parent();
    let policy = if created.rules.whole_subnet { ClaimPolicy::Subnet } else { ClaimPolicy::Members };
    let member = |id| Name::<mooring_domain::id::Vnic> { scope: scope.clone(), id }.to_string();
    api::Havip {
        name: name(created),
        display_name: created.havip.display_name.to_string(),
        subnet: Name::<mooring_domain::id::Subnet> { scope: scope.clone(), id: created.havip.subnet }
            .to_string(),
        address: created.havip.address.to_string(),
        members: created.members.iter().map(|vnic| member(vnic.id)).collect(),
        claim_policy: policy.into(),
        announce: created.rules.announce,
        damping: Some(api::Damping {
            step_ms: millis(created.rules.damping.step),
            cap_ms: millis(created.rules.damping.cap),
        }),
        vpc: Name::<mooring_domain::id::Vpc> { scope: scope.clone(), id: created.havip.vpc }.to_string(),
        binding: held_by
            .map(|id| Name::<mooring_domain::id::Binding> { scope: scope.clone(), id }.to_string())
            .unwrap_or_default(),
        position: position(at),
    }
}

/// An EIP with the binding that has taken it, if one has.
pub fn eip(described: &EipDescribed, at: CommitPosition, fronts: Option<Fronts>) -> api::Eip {
    let EipDescribed { eip, details } = described;
    let state = convert::eip_state(fronts.as_ref().map(|fronts| fronts.stage));
    api::Eip {
        name: name(described),
        display_name: eip.display_name.to_string(),
        address: eip.address.to_string(),
        pool: pool_name(&eip.region, eip.pool),
        state: state.into(),
        binding: fronts.map(|fronts| fronts.binding().to_string()).unwrap_or_default(),
        position: position(at),
        description: details.description.to_string(),
        labels: convert::label_map(&details.labels),
        delete_protection: details.delete_protection,
        cooling_ends_at: 0,
    }
}

/// An EIP that was released, while its address cools.
pub fn cooling_eip(cooling: &CoolingEip, at: CommitPosition) -> api::Eip {
    let state = api::eip::State::Cooling.into();
    api::Eip { state, cooling_ends_at: cooling.until.0, ..eip(&cooling.described, at, None) }
}

/// The message of an entry of a table.
pub fn of<F, M>(entry: &Entry<F>, message: impl Fn(&F, CommitPosition) -> M) -> M {
    message(&entry.facts, entry.at)
}

/// A project's quotas: its limits, and how much of them is used.
pub fn quotas(scope: &Scope, limits: Limits, at: CommitPosition, usage: Usage) -> api::Quotas {
    let quota = |limit, Used { used, by }| Some(api::Quota { limit, used, used_by: by });
    api::Quotas {
        name: format!("{scope}/quotas"),
        eips: quota(limits.eips, usage.eips),
        havips_per_vpc: quota(limits.havips_per_vpc, usage.havips_per_vpc),
        havips_per_instance: quota(limits.havips_per_instance, usage.havips_per_instance),
        members_per_havip: quota(limits.members_per_havip, usage.members_per_havip),
        position: position(at),
    }
}
