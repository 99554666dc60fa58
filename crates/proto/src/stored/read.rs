//! From the stored form to the domain.

use std::time::Duration;

use ipnet::IpNet;
use mooring_domain::{
    Timestamp,
    event::{
        BindFailed, BindRequested, ClaimRejected, ClaimRejection, Damping, EipReleased, Event, GatewayFacts,
        HavipCreated, HeardFacts, HoldReleased, HolderChanged, HolderContested, HolderRules, HolderSettled,
        HolderWithdrawn, LeaseRenewed, Limits, PoolCreated, QuotasChanged, SubnetCreated, VnicCreated,
        VpcCreated, Withdrawal,
    },
    name::Scope,
};

use crate::{
    convert::{
        Malformed, address, binding, cidr, claim, eip, eip_described, havip, id, optional_id, text, vnic,
    },
    event::v1::{self as wire, event::Kind},
};

pub(super) fn event(kind: Kind) -> Result<Event, Malformed> {
    Ok(match kind {
        Kind::PoolCreated(pool) => Event::PoolCreated(pool_created(pool)?),
        Kind::PoolUpdated(updated) => Event::PoolUpdated(pool_updated(updated)?),
        Kind::PoolDeleted(deleted) => Event::PoolDeleted(pool_deleted(deleted)?),
        Kind::VpcCreated(vpc) => Event::VpcCreated(vpc_created(vpc)?),
        Kind::SubnetCreated(subnet) => Event::SubnetCreated(subnet_created(subnet)?),
        Kind::VnicCreated(vnic) => Event::VnicCreated(vnic_created(vnic)?),
        Kind::VpcDeleted(gone) => Event::VpcDeleted(vpc_created(set("vpc", gone.vpc)?)?),
        Kind::SubnetUpdated(now) => Event::SubnetUpdated(subnet_created(set("subnet", now.subnet)?)?),
        Kind::SubnetDeleted(gone) => Event::SubnetDeleted(subnet_created(set("subnet", gone.subnet)?)?),
        Kind::VnicDeleted(gone) => Event::VnicDeleted(vnic_created(set("vnic", gone.vnic)?)?),
        Kind::HavipCreated(havip) => Event::HavipCreated(havip_created(havip)?),
        Kind::HavipUpdated(updated) => Event::HavipUpdated(havip_updated(updated)?),
        Kind::HavipDeleted(deleted) => Event::HavipDeleted(havip(deleted.havip)?),
        Kind::EipAllocated(allocated) => {
            Event::EipAllocated(eip_described(allocated.eip, allocated.details)?)
        }
        Kind::QuotasChanged(changed) => Event::QuotasChanged(quotas_changed(&changed)?),
        Kind::EipUpdated(updated) => Event::EipUpdated(eip_described(updated.eip, updated.details)?),
        Kind::EipReleased(released) => Event::EipReleased(EipReleased {
            eip: eip(released.eip)?,
            cooling_until: (released.cooling_until > 0).then_some(Timestamp(released.cooling_until)),
        }),
        Kind::HoldPlaced(held) => Event::HoldPlaced(binding(&held.binding_id, held.eip, held.havip)?),
        Kind::HoldReleased(released) => Event::HoldReleased(hold_released(released)?),
        Kind::BindRequested(request) => Event::BindRequested(bind_requested(request)?),
        Kind::Bound(bound) => Event::Bound(binding(&bound.binding_id, bound.eip, bound.havip)?),
        Kind::BindFailed(failed) => Event::BindFailed(bind_failed(failed)?),
        Kind::UnbindRequested(unbind) => {
            Event::UnbindRequested(binding(&unbind.binding_id, unbind.eip, unbind.havip)?)
        }
        Kind::Unbound(unbound) => Event::Unbound(binding(&unbound.binding_id, unbound.eip, unbound.havip)?),
        Kind::GatewayRegistered(from) => Event::GatewayRegistered(gateway(&from.gateway, &from.region)?),
        Kind::GatewayDecommissioned(from) => {
            Event::GatewayDecommissioned(gateway(&from.gateway, &from.region)?)
        }
        Kind::GatewayDriftFound(drift) => Event::GatewayDriftFound(super::drift::read(drift)?),
        Kind::HolderChanged(changed) => Event::HolderChanged(holder_changed(changed)?),
        Kind::ClaimRejected(rejected) => Event::ClaimRejected(claim_rejected(rejected)?),
        Kind::HolderContested(contested) => Event::HolderContested(holder_contested(contested)?),
        Kind::HolderSilent(silent) => {
            Event::HolderSilent(heard((silent.havip, silent.holder), &silent.gateway, silent.heard_at)?)
        }
        Kind::HolderHeard(again) => {
            Event::HolderHeard(heard((again.havip, again.holder), &again.gateway, again.heard_at)?)
        }
        Kind::HolderSettled(settled) => Event::HolderSettled(HolderSettled {
            havip: havip(settled.havip)?,
            holder: vnic(settled.holder.ok_or(Malformed::Missing("holder"))?)?,
        }),
        Kind::HolderWithdrawn(withdrawn) => Event::HolderWithdrawn(holder_withdrawn(withdrawn)?),
        Kind::LeaseRenewed(renewed) => Event::LeaseRenewed(LeaseRenewed {
            havip: havip(renewed.havip)?,
            holder: vnic(renewed.holder.ok_or(Malformed::Missing("holder"))?)?,
            renewed_at: Timestamp(renewed.renewed_at),
            lease: Duration::from_nanos(renewed.lease),
        }),
        Kind::FailoverMeasured(measured) => Event::FailoverMeasured(super::failover::read(measured)?),
    })
}

fn set<T>(field: &'static str, part: Option<T>) -> Result<T, Malformed> {
    part.ok_or(Malformed::Missing(field))
}

fn gateway(gateway: &str, region: &str) -> Result<GatewayFacts, Malformed> {
    Ok(GatewayFacts { gateway: text("gateway", gateway)?, region: text("region", region)? })
}

fn pool_created(from: wire::PoolCreated) -> Result<PoolCreated, Malformed> {
    Ok(PoolCreated {
        id: id("pool_id", &from.pool_id)?,
        region: text("region", &from.region)?,
        display_name: text("display_name", &from.display_name)?,
        cidrs: blocks("cidrs", from.cidrs)?,
        cooling: Duration::from_nanos(from.cooling),
        draining: false,
    })
}

fn pool_updated(from: wire::PoolUpdated) -> Result<PoolCreated, Malformed> {
    let wire::PoolUpdated { pool_id, region, display_name, cidrs, draining, cooling } = from;
    let like_created = wire::PoolCreated { pool_id, region, display_name, cidrs, cooling };
    Ok(PoolCreated { draining, ..pool_created(like_created)? })
}

fn pool_deleted(from: wire::PoolDeleted) -> Result<PoolCreated, Malformed> {
    Ok(PoolCreated { draining: true, ..pool_created(set("pool", from.pool)?)? })
}

fn blocks(field: &'static str, from: Vec<wire::Cidr>) -> Result<Vec<IpNet>, Malformed> {
    from.into_iter().map(|block| cidr(field, Some(block))).collect()
}

fn vpc_created(from: wire::VpcCreated) -> Result<VpcCreated, Malformed> {
    Ok(VpcCreated {
        id: id("vpc_id", &from.vpc_id)?,
        project: text("project", &from.project)?,
        region: text("region", &from.region)?,
        display_name: text("display_name", &from.display_name)?,
    })
}

fn subnet_created(from: wire::SubnetCreated) -> Result<SubnetCreated, Malformed> {
    Ok(SubnetCreated {
        id: id("subnet_id", &from.subnet_id)?,
        vpc: id("vpc_id", &from.vpc_id)?,
        project: text("project", &from.project)?,
        region: text("region", &from.region)?,
        display_name: text("display_name", &from.display_name)?,
        cidr: cidr("cidr", from.cidr)?,
        gateway_address: address("gateway_address", from.gateway_address)?,
        reserved: blocks("reserved", from.reserved)?,
    })
}

fn vnic_created(from: wire::VnicCreated) -> Result<VnicCreated, Malformed> {
    Ok(VnicCreated {
        vnic: vnic(from.vnic.ok_or(Malformed::Missing("vnic"))?)?,
        vpc: id("vpc_id", &from.vpc_id)?,
        subnet: id("subnet_id", &from.subnet_id)?,
        project: text("project", &from.project)?,
        region: text("region", &from.region)?,
    })
}

fn havip_updated(from: wire::HavipUpdated) -> Result<HavipCreated, Malformed> {
    let wire::HavipUpdated { havip, members, whole_subnet, damping, announce } = from;
    havip_created(wire::HavipCreated { havip, members, whole_subnet, damping, announce })
}

fn havip_created(from: wire::HavipCreated) -> Result<HavipCreated, Malformed> {
    Ok(HavipCreated {
        havip: havip(from.havip)?,
        members: from.members.into_iter().map(vnic).collect::<Result<_, _>>()?,
        rules: HolderRules {
            whole_subnet: from.whole_subnet,
            damping: from.damping.map(damping).unwrap_or_default(),
            announce: from.announce,
        },
    })
}

fn damping(from: wire::Damping) -> Damping {
    Damping { step: Duration::from_nanos(from.step), cap: Duration::from_nanos(from.cap) }
}

fn quotas_changed(from: &wire::QuotasChanged) -> Result<QuotasChanged, Malformed> {
    let scope = Scope { project: text("project", &from.project)?, region: text("region", &from.region)? };
    let limits = Limits {
        eips: from.eips,
        havips_per_vpc: from.havips_per_vpc,
        havips_per_instance: from.havips_per_instance,
        members_per_havip: from.members_per_havip,
    };
    Ok(QuotasChanged { scope, limits })
}

fn hold_released(from: wire::HoldReleased) -> Result<HoldReleased, Malformed> {
    let held = match (from.eip, from.havip) {
        (None, None) => None,
        (held_eip, held_havip) => Some((eip(held_eip)?, havip(held_havip)?)),
    };
    Ok(HoldReleased {
        binding: id("binding_id", &from.binding_id)?,
        region: text("region", &from.region)?,
        held,
    })
}

fn bind_requested(from: wire::BindRequested) -> Result<BindRequested, Malformed> {
    Ok(BindRequested {
        binding: id("binding_id", &from.binding_id)?,
        eip: id("eip_id", &from.eip_id)?,
        havip: id("havip_id", &from.havip_id)?,
        project: text("project", &from.project)?,
        region: text("region", &from.region)?,
        eip_project: text("eip_project", &from.eip_project)?,
        moved_from: optional_id("moved_from_binding_id", &from.moved_from_binding_id)?,
    })
}

fn bind_failed(from: wire::BindFailed) -> Result<BindFailed, Malformed> {
    let request = wire::BindRequested {
        binding_id: from.binding_id,
        eip_id: from.eip_id,
        havip_id: from.havip_id,
        project: from.project,
        region: from.region,
        eip_project: from.eip_project,
        moved_from_binding_id: from.moved_from_binding_id,
    };
    let (reason, message) = (from.reason.into(), from.message.into());
    Ok(BindFailed { request: bind_requested(request)?, reason, message })
}

fn holder_changed(from: wire::HolderChanged) -> Result<HolderChanged, Malformed> {
    Ok(HolderChanged {
        havip: havip(from.havip)?,
        holder: vnic(from.holder.ok_or(Malformed::Missing("holder"))?)?,
        previous: from.previous.map(vnic).transpose()?,
        claim: claim(from.claim)?,
        backoff: Duration::from_nanos(from.backoff),
        lease: (from.lease > 0).then(|| Duration::from_nanos(from.lease)),
    })
}

fn holder_withdrawn(from: wire::HolderWithdrawn) -> Result<HolderWithdrawn, Malformed> {
    let reasons = [Withdrawal::Withdrawn, Withdrawal::Expired, Withdrawal::Excluded];
    let reason = reasons.into_iter().find(|reason| reason.word() == from.reason);
    let reason = reason.ok_or(Malformed::Bad("reason"))?;
    Ok(HolderWithdrawn {
        havip: havip(from.havip)?,
        holder: vnic(from.holder.ok_or(Malformed::Missing("holder"))?)?,
        reason,
    })
}

fn holder_contested(from: wire::HolderContested) -> Result<HolderContested, Malformed> {
    Ok(HolderContested {
        havip: havip(from.havip)?,
        holder: vnic(from.holder.ok_or(Malformed::Missing("holder"))?)?,
        rival: vnic(from.rival.ok_or(Malformed::Missing("rival"))?)?,
        claim: claim(from.claim)?,
        until: Timestamp(from.backoff_ends_at),
    })
}

fn heard(
    (of, holder): (Option<wire::HavipFacts>, Option<wire::Vnic>),
    gateway: &str,
    heard_at: u64,
) -> Result<HeardFacts, Malformed> {
    Ok(HeardFacts {
        havip: havip(of)?,
        holder: vnic(holder.ok_or(Malformed::Missing("holder"))?)?,
        gateway: text("gateway", gateway)?,
        heard_at: Timestamp(heard_at),
    })
}

fn claim_rejected(from: wire::ClaimRejected) -> Result<ClaimRejected, Malformed> {
    let reason = [ClaimRejection::NotAMember, ClaimRejection::UnknownMac]
        .into_iter()
        .find(|reason| reason.word() == from.reason)
        .ok_or(Malformed::Bad("reason"))?;
    Ok(ClaimRejected {
        havip: havip(from.havip)?,
        claim: claim(from.claim)?,
        vnic: from.vnic.map(vnic).transpose()?,
        reason,
        unrecorded: from.unrecorded,
    })
}
