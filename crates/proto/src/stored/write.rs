//! From the domain to the stored form.

use std::time::Duration;

use mooring_domain::event::{
    BindFailed, BindRequested, BindingFacts, ClaimRejected, Damping, EipDescribed, EipReleased, Event,
    HavipCreated, HavipFacts, HeardFacts, HoldReleased, HolderChanged, HolderContested, HolderSettled,
    HolderWithdrawn, LeaseRenewed, PoolCreated, QuotasChanged, SubnetCreated, VnicCreated, VpcCreated,
};

use crate::{
    convert::{
        id_bytes, wire_address, wire_cidr, wire_claim, wire_eip, wire_eip_described, wire_havip, wire_vnic,
    },
    event::v1::{self as wire, event::Kind},
};

pub(super) fn kind(event: &Event) -> Kind {
    match event {
        Event::PoolCreated(pool) => Kind::PoolCreated(pool_created(pool)),
        Event::PoolUpdated(pool) => Kind::PoolUpdated(pool_updated(pool)),
        Event::PoolDeleted(pool) => Kind::PoolDeleted(wire::PoolDeleted { pool: Some(pool_created(pool)) }),
        Event::VpcCreated(vpc) => Kind::VpcCreated(vpc_created(vpc)),
        Event::SubnetCreated(subnet) => Kind::SubnetCreated(subnet_created(subnet)),
        Event::VnicCreated(vnic) => Kind::VnicCreated(vnic_created(vnic)),
        Event::VpcDeleted(vpc) => Kind::VpcDeleted(wire::VpcDeleted { vpc: Some(vpc_created(vpc)) }),
        Event::SubnetUpdated(subnet) => Kind::SubnetUpdated(subnet_updated(subnet)),
        Event::SubnetDeleted(subnet) => Kind::SubnetDeleted(subnet_deleted(subnet)),
        Event::VnicDeleted(vnic) => Kind::VnicDeleted(wire::VnicDeleted { vnic: Some(vnic_created(vnic)) }),
        Event::HavipCreated(havip) => Kind::HavipCreated(havip_created(havip)),
        Event::HavipUpdated(havip) => Kind::HavipUpdated(havip_updated(havip)),
        Event::HavipDeleted(havip) => Kind::HavipDeleted(havip_deleted(havip)),
        Event::EipAllocated(described) => Kind::EipAllocated(eip_allocated(described)),
        Event::QuotasChanged(changed) => Kind::QuotasChanged(quotas_changed(changed)),
        Event::EipUpdated(described) => Kind::EipUpdated(eip_updated(described)),
        Event::EipReleased(released) => Kind::EipReleased(eip_released(released)),
        Event::HoldPlaced(facts) => Kind::HoldPlaced(hold_placed(facts)),
        Event::HoldReleased(released) => Kind::HoldReleased(hold_released(released)),
        Event::BindRequested(request) => Kind::BindRequested(bind_requested(request)),
        Event::Bound(facts) => {
            let (binding_id, eip, havip) = binding(facts);
            Kind::Bound(wire::Bound { binding_id, eip, havip })
        }
        Event::BindFailed(failed) => Kind::BindFailed(bind_failed(failed)),
        Event::UnbindRequested(facts) => {
            let (binding_id, eip, havip) = binding(facts);
            Kind::UnbindRequested(wire::UnbindRequested { binding_id, eip, havip })
        }
        Event::Unbound(facts) => {
            let (binding_id, eip, havip) = binding(facts);
            Kind::Unbound(wire::Unbound { binding_id, eip, havip })
        }
        Event::GatewayRegistered(facts) => {
            let (gateway, region) = (facts.gateway.to_string(), facts.region.to_string());
            Kind::GatewayRegistered(wire::GatewayRegistered { gateway, region })
        }
        Event::GatewayDecommissioned(facts) => {
            let (gateway, region) = (facts.gateway.to_string(), facts.region.to_string());
            Kind::GatewayDecommissioned(wire::GatewayDecommissioned { gateway, region })
        }
        Event::GatewayDriftFound(drift) => Kind::GatewayDriftFound(super::drift::write(drift)),
        Event::HolderChanged(changed) => Kind::HolderChanged(holder_changed(changed)),
        Event::ClaimRejected(rejected) => Kind::ClaimRejected(claim_rejected(rejected)),
        Event::HolderContested(contested) => Kind::HolderContested(holder_contested(contested)),
        Event::HolderSilent(facts) => {
            let (havip, holder, gateway, heard_at) = heard(facts);
            Kind::HolderSilent(wire::HolderSilent { havip, holder, gateway, heard_at })
        }
        Event::HolderHeard(facts) => {
            let (havip, holder, gateway, heard_at) = heard(facts);
            Kind::HolderHeard(wire::HolderHeard { havip, holder, gateway, heard_at })
        }
        Event::HolderSettled(settled) => Kind::HolderSettled(holder_settled(settled)),
        Event::HolderWithdrawn(withdrawn) => Kind::HolderWithdrawn(holder_withdrawn(withdrawn)),
        Event::LeaseRenewed(renewed) => Kind::LeaseRenewed(lease_renewed(renewed)),
        Event::FailoverMeasured(measured) => Kind::FailoverMeasured(super::failover::write(measured)),
    }
}

type HeardParts = (Option<wire::HavipFacts>, Option<wire::Vnic>, String, u64);

fn heard(facts: &HeardFacts) -> HeardParts {
    let (havip, holder) = (wire_havip(&facts.havip), wire_vnic(&facts.holder));
    (Some(havip), Some(holder), facts.gateway.to_string(), facts.heard_at.0)
}

type BindingParts = (bytes::Bytes, Option<wire::EipFacts>, Option<wire::HavipFacts>);

fn binding(facts: &BindingFacts) -> BindingParts {
    (id_bytes(facts.binding), Some(wire_eip(&facts.eip)), Some(wire_havip(&facts.havip)))
}

fn hold_placed(facts: &BindingFacts) -> wire::HoldPlaced {
    let (binding_id, eip, havip) = binding(facts);
    wire::HoldPlaced { binding_id, eip, havip }
}

fn pool_created(pool: &PoolCreated) -> wire::PoolCreated {
    wire::PoolCreated {
        pool_id: id_bytes(pool.id),
        region: pool.region.to_string(),
        display_name: pool.display_name.to_string(),
        cidrs: pool.cidrs.iter().copied().map(wire_cidr).collect(),
        cooling: nanos(pool.cooling),
    }
}

fn pool_updated(pool: &PoolCreated) -> wire::PoolUpdated {
    let wire::PoolCreated { pool_id, region, display_name, cidrs, cooling } = pool_created(pool);
    wire::PoolUpdated { pool_id, region, display_name, cidrs, draining: pool.draining, cooling }
}

fn vpc_created(vpc: &VpcCreated) -> wire::VpcCreated {
    wire::VpcCreated {
        vpc_id: id_bytes(vpc.id),
        project: vpc.project.to_string(),
        region: vpc.region.to_string(),
        display_name: vpc.display_name.to_string(),
    }
}

fn subnet_created(subnet: &SubnetCreated) -> wire::SubnetCreated {
    wire::SubnetCreated {
        subnet_id: id_bytes(subnet.id),
        vpc_id: id_bytes(subnet.vpc),
        project: subnet.project.to_string(),
        region: subnet.region.to_string(),
        display_name: subnet.display_name.to_string(),
        cidr: Some(wire_cidr(subnet.cidr)),
        gateway_address: Some(wire_address(subnet.gateway_address)),
        reserved: subnet.reserved.iter().copied().map(wire_cidr).collect(),
    }
}

fn subnet_updated(subnet: &SubnetCreated) -> wire::SubnetUpdated {
    wire::SubnetUpdated { subnet: Some(subnet_created(subnet)) }
}

fn subnet_deleted(subnet: &SubnetCreated) -> wire::SubnetDeleted {
    wire::SubnetDeleted { subnet: Some(subnet_created(subnet)) }
}

fn vnic_created(created: &VnicCreated) -> wire::VnicCreated {
    wire::VnicCreated {
        vnic: Some(wire_vnic(&created.vnic)),
        vpc_id: id_bytes(created.vpc),
        subnet_id: id_bytes(created.subnet),
        project: created.project.to_string(),
        region: created.region.to_string(),
    }
}

fn havip_created(created: &HavipCreated) -> wire::HavipCreated {
    wire::HavipCreated {
        havip: Some(wire_havip(&created.havip)),
        members: created.members.iter().map(wire_vnic).collect(),
        whole_subnet: created.rules.whole_subnet,
        announce: created.rules.announce,
        damping: (created.rules.damping != Damping::default()).then(|| wire::Damping {
            step: nanos(created.rules.damping.step),
            cap: nanos(created.rules.damping.cap),
        }),
    }
}

fn havip_updated(updated: &HavipCreated) -> wire::HavipUpdated {
    let wire::HavipCreated { havip, members, whole_subnet, damping, announce } = havip_created(updated);
    wire::HavipUpdated { havip, members, whole_subnet, damping, announce }
}

fn havip_deleted(havip: &HavipFacts) -> wire::HavipDeleted {
    wire::HavipDeleted { havip: Some(wire_havip(havip)) }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn eip_allocated(described: &EipDescribed) -> wire::EipAllocated {
    let (eip, details) = wire_eip_described(described);
    wire::EipAllocated { eip, details }
}

fn eip_updated(described: &EipDescribed) -> wire::EipUpdated {
    let (eip, details) = wire_eip_described(described);
    wire::EipUpdated { eip, details }
}

fn eip_released(released: &EipReleased) -> wire::EipReleased {
    let cooling_until = released.cooling_until.map_or(0, |until| until.0);
    wire::EipReleased { eip: Some(wire_eip(&released.eip)), cooling_until }
}

fn quotas_changed(changed: &QuotasChanged) -> wire::QuotasChanged {
    wire::QuotasChanged {
        project: changed.scope.project.to_string(),
        region: changed.scope.region.to_string(),
        eips: changed.limits.eips,
        havips_per_vpc: changed.limits.havips_per_vpc,
        havips_per_instance: changed.limits.havips_per_instance,
        members_per_havip: changed.limits.members_per_havip,
    }
}

fn hold_released(released: &HoldReleased) -> wire::HoldReleased {
    let (eip, havip) = released.held.as_ref().map(|(eip, havip)| (wire_eip(eip), wire_havip(havip))).unzip();
    wire::HoldReleased {
        binding_id: id_bytes(released.binding),
        region: released.region.to_string(),
        eip,
        havip,
    }
}

fn bind_requested(request: &BindRequested) -> wire::BindRequested {
    wire::BindRequested {
        binding_id: id_bytes(request.binding),
        eip_id: id_bytes(request.eip),
        havip_id: id_bytes(request.havip),
        project: request.project.to_string(),
        region: request.region.to_string(),
        eip_project: request.eip_project.to_string(),
        moved_from_binding_id: request.moved_from.map(id_bytes).unwrap_or_default(),
    }
}

fn bind_failed(failed: &BindFailed) -> wire::BindFailed {
    let request = bind_requested(&failed.request);
    wire::BindFailed {
        binding_id: request.binding_id,
        eip_id: request.eip_id,
        havip_id: request.havip_id,
        project: request.project,
        region: request.region,
        eip_project: request.eip_project,
        moved_from_binding_id: request.moved_from_binding_id,
        reason: failed.reason.to_string(),
        message: failed.message.to_string(),
    }
}

fn holder_changed(changed: &HolderChanged) -> wire::HolderChanged {
    wire::HolderChanged {
        havip: Some(wire_havip(&changed.havip)),
        holder: Some(wire_vnic(&changed.holder)),
        previous: changed.previous.as_ref().map(wire_vnic),
        claim: Some(wire_claim(&changed.claim)),
        backoff: nanos(changed.backoff),
        lease: changed.lease.map(nanos).unwrap_or_default(),
    }
}

fn holder_contested(contested: &HolderContested) -> wire::HolderContested {
    wire::HolderContested {
        havip: Some(wire_havip(&contested.havip)),
        holder: Some(wire_vnic(&contested.holder)),
        rival: Some(wire_vnic(&contested.rival)),
        claim: Some(wire_claim(&contested.claim)),
        backoff_ends_at: contested.until.0,
    }
}

fn claim_rejected(rejected: &ClaimRejected) -> wire::ClaimRejected {
    wire::ClaimRejected {
        havip: Some(wire_havip(&rejected.havip)),
        claim: Some(wire_claim(&rejected.claim)),
        vnic: rejected.vnic.as_ref().map(wire_vnic),
        reason: rejected.reason.word().to_owned(),
        unrecorded: rejected.unrecorded,
    }
}

fn holder_settled(settled: &HolderSettled) -> wire::HolderSettled {
    wire::HolderSettled { havip: Some(wire_havip(&settled.havip)), holder: Some(wire_vnic(&settled.holder)) }
}

fn holder_withdrawn(withdrawn: &HolderWithdrawn) -> wire::HolderWithdrawn {
    wire::HolderWithdrawn {
        havip: Some(wire_havip(&withdrawn.havip)),
        holder: Some(wire_vnic(&withdrawn.holder)),
        reason: withdrawn.reason.word().to_owned(),
    }
}

fn lease_renewed(renewed: &LeaseRenewed) -> wire::LeaseRenewed {
    wire::LeaseRenewed {
        havip: Some(wire_havip(&renewed.havip)),
        holder: Some(wire_vnic(&renewed.holder)),
        renewed_at: renewed.renewed_at.0,
        lease: nanos(renewed.lease),
    }
}
