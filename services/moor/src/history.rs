//! What happened, in one sentence for each kind of event.

mod changed;
mod eip;

use std::{collections::HashMap, time::Duration};

use mooring_proto::{
    convert,
    event::v1::{
        BindFailed, BindRequested, ClaimRejected, Difference, EipAllocated, EipFacts, EipReleased,
        EipUpdated, Event, FailoverMeasured, GatewayDriftFound, HavipCreated, HavipFacts, HavipUpdated,
        HoldReleased, HolderChanged, HolderContested, HolderHeard, HolderSettled, HolderSilent,
        HolderWithdrawn, LeaseRenewed, PoolCreated, SubnetCreated, SubnetUpdated, Vnic, VnicCreated,
        VnicDeleted, VpcCreated, event::Kind,
    },
};

use self::changed::{
    claimants, havip_updated, pool_deleted, pool_updated, reserved, subnet_deleted, subnet_updated,
    vpc_deleted,
};
use crate::{failovers::milliseconds, wire};

/// The display names that earlier events gave to ids: later events repeat some ids only.
#[derive(Debug, Default)]
pub struct Names(HashMap<Vec<u8>, String>);

impl Names {
    /// The sentence for an event, and from here on its names.
    pub fn sentence(&mut self, event: &Event) -> String {
        let Some(kind) = &event.kind else {
            return "something that this moor does not know: the server is newer".to_owned();
        };
        self.learn(kind);
        let sentence = self.sentence_of(kind);
        self.forget(kind);
        sentence
    }

    /// What an event says about names, where its sentence is not wanted.
    pub fn pass(&mut self, event: &Event) {
        if let Some(kind) = &event.kind {
            self.learn(kind);
        }
    }

    /// That this id is called that, unless it is known already.
    pub fn call(&mut self, id: &[u8], name: String) {
        self.0.entry(id.to_vec()).or_insert(name);
    }

    /// What the facts in events say, and the full names of what they only have ids of.
    pub fn look_ahead<'a>(&mut self, events: impl Iterator<Item = &'a Event>) -> Vec<(Vec<u8>, String)> {
        let kinds: Vec<&Kind> = events.filter_map(|event| event.kind.as_ref()).collect();
        for (eip, havip) in kinds.iter().filter_map(|kind| facts(kind)) {
            self.call(&eip.eip_id, eip_name(Some(eip)));
            self.call(&havip.havip_id, havip_name(Some(havip)));
        }
        let mentioned = kinds.iter().flat_map(|kind| mentioned(kind));
        mentioned.filter(|(id, _)| !self.0.contains_key(id)).collect()
    }

    fn learn(&mut self, kind: &Kind) {
        let (id, name) = match kind {
            Kind::PoolCreated(pool) => (&pool.pool_id, pool.display_name.clone()),
            Kind::PoolUpdated(pool) => (&pool.pool_id, pool.display_name.clone()),
            Kind::VpcCreated(vpc) => (&vpc.vpc_id, vpc.display_name.clone()),
            Kind::SubnetCreated(subnet) | Kind::SubnetUpdated(SubnetUpdated { subnet: Some(subnet) }) => {
                (&subnet.subnet_id, subnet.display_name.clone())
            }
            Kind::HavipCreated(HavipCreated { havip: Some(havip), .. })
            | Kind::HavipUpdated(HavipUpdated { havip: Some(havip), .. }) => {
                (&havip.havip_id, havip_name(Some(havip)))
            }
            Kind::EipAllocated(EipAllocated { eip, .. }) | Kind::EipUpdated(EipUpdated { eip, .. }) => {
                match eip {
                    Some(eip) => (&eip.eip_id, eip_name(Some(eip))),
                    None => return,
                }
            }
            _ => return,
        };
        self.0.insert(id.to_vec(), name);
    }

    fn forget(&mut self, kind: &Kind) {
        match kind {
            Kind::HavipDeleted(deleted) => {
                deleted.havip.as_ref().and_then(|havip| self.0.remove(&havip.havip_id[..]))
            }
            Kind::PoolDeleted(deleted) => {
                deleted.pool.as_ref().and_then(|pool| self.0.remove(&pool.pool_id[..]))
            }
            Kind::VpcDeleted(deleted) => deleted.vpc.as_ref().and_then(|vpc| self.0.remove(&vpc.vpc_id[..])),
            Kind::SubnetDeleted(deleted) => {
                deleted.subnet.as_ref().and_then(|subnet| self.0.remove(&subnet.subnet_id[..]))
            }
            Kind::EipReleased(released) => {
                released.eip.as_ref().and_then(|eip| self.0.remove(&eip.eip_id[..]))
            }
            _ => None,
        };
    }

    fn name(&self, id: &[u8]) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| wire::id(id))
    }

    fn sentence_of(&self, kind: &Kind) -> String {
        match kind {
            Kind::PoolCreated(pool) => pool_created(pool),
            Kind::VpcCreated(vpc) => vpc_created(vpc),
            Kind::SubnetCreated(subnet) => self.subnet_created(subnet),
            Kind::VnicCreated(created) => self.vnic_created(created),
            Kind::HavipCreated(created) => self.havip_created(created),
            Kind::PoolUpdated(pool) => pool_updated(pool),
            Kind::PoolDeleted(deleted) => pool_deleted(deleted),
            Kind::VpcDeleted(deleted) => vpc_deleted(deleted),
            Kind::SubnetUpdated(updated) => subnet_updated(updated),
            Kind::SubnetDeleted(deleted) => subnet_deleted(deleted),
            Kind::VnicDeleted(deleted) => self.vnic_deleted(deleted.vnic.as_ref()),
            Kind::HavipUpdated(updated) => havip_updated(updated),
            Kind::HavipDeleted(deleted) => format!("HAVIP {} deleted", havip_name(deleted.havip.as_ref())),
            Kind::EipAllocated(allocated) => self.eip_allocated(allocated.eip.as_ref()),
            Kind::EipUpdated(updated) => eip::updated(updated),
            Kind::QuotasChanged(changed) => eip::quotas_changed(changed),
            Kind::EipReleased(released) => self.eip_released(released),
            Kind::HoldPlaced(hold) => {
                let pair = pair(hold.eip.as_ref(), "and", hold.havip.as_ref());
                format!("{pair} held for binding {}", wire::id(&hold.binding_id))
            }
            Kind::HoldReleased(released) => hold_released(released),
            Kind::BindRequested(requested) => self.bind_requested(requested),
            Kind::Bound(bound) => {
                let pair = pair(bound.eip.as_ref(), "bound to", bound.havip.as_ref());
                format!("{pair} by binding {}", wire::id(&bound.binding_id))
            }
            Kind::BindFailed(failed) => self.bind_failed(failed),
            Kind::UnbindRequested(requested) => {
                let pair = pair(requested.eip.as_ref(), "from", requested.havip.as_ref());
                format!("unbind of {pair} requested")
            }
            Kind::Unbound(unbound) => {
                format!(
                    "{}: both are free",
                    pair(unbound.eip.as_ref(), "unbound from", unbound.havip.as_ref())
                )
            }
            Kind::GatewayRegistered(gateway) => {
                format!("gateway {} registered in region {}", gateway.gateway, gateway.region)
            }
            Kind::GatewayDecommissioned(gateway) => {
                format!(
                    "gateway {} of region {} decommissioned: it carries nothing",
                    gateway.gateway, gateway.region
                )
            }
            Kind::GatewayDriftFound(drift) => self.drift_found(drift),
            Kind::HolderChanged(changed) => holder_changed(changed),
            Kind::ClaimRejected(rejected) => claim_rejected(rejected),
            Kind::HolderContested(contested) => holder_contested(contested),
            Kind::HolderWithdrawn(withdrawn) => holder_withdrawn(withdrawn),
            Kind::LeaseRenewed(renewed) => lease_renewed(renewed),
            Kind::HolderSilent(silent) => holder_silent(silent),
            Kind::HolderHeard(heard) => holder_heard(heard),
            Kind::HolderSettled(settled) => holder_settled(settled),
            Kind::FailoverMeasured(measured) => failover_measured(measured),
        }
    }

    fn subnet_created(&self, subnet: &SubnetCreated) -> String {
        let block = subnet.cidr.as_ref().map_or_else(|| "no block".to_owned(), wire::cidr);
        let router = wire::address(subnet.gateway_address.as_ref());
        let (name, vpc) = (&subnet.display_name, self.name(&subnet.vpc_id));
        let reserved = match reserved(&subnet.reserved) {
            blocks if blocks.is_empty() => blocks,
            blocks => format!("; reserved: {blocks}"),
        };
        format!("subnet {name} ({block}, router {router}) created in VPC {vpc}{reserved}")
    }

    fn vnic_created(&self, created: &VnicCreated) -> String {
        format!(
            "vNIC of {} created in subnet {}",
            vnic_in_full(created.vnic.as_ref()),
            self.name(&created.subnet_id)
        )
    }

    fn vnic_deleted(&self, deleted: Option<&VnicCreated>) -> String {
        let subnet = deleted.map_or_else(String::new, |vnic| self.name(&vnic.subnet_id));
        let vnic = vnic_in_full(deleted.and_then(|deleted| deleted.vnic.as_ref()));
        format!("vNIC of {vnic} in subnet {subnet} deleted")
    }

    fn havip_created(&self, created: &HavipCreated) -> String {
        let subnet = created.havip.as_ref().map_or_else(String::new, |havip| self.name(&havip.subnet_id));
        let claimants = claimants(&created.members, created.whole_subnet);
        format!("HAVIP {} created in subnet {subnet}; {claimants}", havip_name(created.havip.as_ref()))
    }

    fn eip_allocated(&self, eip: Option<&EipFacts>) -> String {
        let (project, pool) =
            eip.map_or_else(Default::default, |eip| (&*eip.project, self.name(&eip.pool_id)));
        format!("EIP {} allocated to project {project} from pool {pool}", eip_name(eip))
    }

    fn eip_released(&self, released: &EipReleased) -> String {
        let eip = released.eip.as_ref();
        let pool = eip.map_or_else(String::new, |eip| self.name(&eip.pool_id));
        let cooling = match released.cooling_until {
            0 => String::new(),
            until => format!("; its address cools until {}", wire::time_ms(until)),
        };
        format!("EIP {} released to pool {pool}{cooling}", eip_name(eip))
    }

    fn bind_requested(&self, bind: &BindRequested) -> String {
        let (eip, havip) = (self.name(&bind.eip_id), self.name(&bind.havip_id));
        let binding = wire::id(&bind.binding_id);
        if bind.moved_from_binding_id.is_empty() {
            return format!("bind of EIP {eip} to HAVIP {havip} requested as binding {binding}");
        }
        let left = wire::id(&bind.moved_from_binding_id);
        format!("move of EIP {eip} to HAVIP {havip} requested as binding {binding}; it leaves binding {left}")
    }

    fn drift_found(&self, drift: &GatewayDriftFound) -> String {
        let GatewayDriftFound { gateway, found_at, mended_at, rules, differing, unrecorded, .. } = drift;
        let rules = rules.then(|| "tables, chains or rules were not ours any more".to_owned());
        let named = drift.differences.iter().map(difference);
        let more = differing.saturating_sub(drift.differences.len() as u64);
        let more = (more > 0).then(|| format!("{more} more elements"));
        let all: Vec<String> = rules.into_iter().chain(named).chain(more).collect();
        let (vpc, found) = (self.name(&drift.vpc_id), all.join("; "));
        let (at, took) = (wire::time_ms(*found_at), mended_at.saturating_sub(*found_at) / 1_000_000);
        let before = match unrecorded {
            0 => String::new(),
            n => format!("; {n} before it were too many to record"),
        };
        format!(
            "gateway {gateway} found its kernel of VPC {vpc} changed at {at}, mended it {took} ms later: {found}{before}"
        )
    }

    fn bind_failed(&self, bind: &BindFailed) -> String {
        let (eip, havip) = (self.name(&bind.eip_id), self.name(&bind.havip_id));
        format!("bind of EIP {eip} to HAVIP {havip} failed: {} ({})", bind.message, bind.reason)
    }
}

/// The facts of both sides of a binding.
fn facts(kind: &Kind) -> Option<(&EipFacts, &HavipFacts)> {
    let (eip, havip) = match kind {
        Kind::HoldPlaced(hold) => (&hold.eip, &hold.havip),
        Kind::HoldReleased(released) => (&released.eip, &released.havip),
        Kind::Bound(bound) => (&bound.eip, &bound.havip),
        Kind::UnbindRequested(requested) => (&requested.eip, &requested.havip),
        Kind::Unbound(unbound) => (&unbound.eip, &unbound.havip),
        _ => return None,
    };
    eip.as_ref().zip(havip.as_ref())
}

/// What a sentence names that the event has only the id of: the id, and the full name.
fn mentioned(kind: &Kind) -> Vec<(Vec<u8>, String)> {
    let scoped = |project: &str, region: &str, collection: &str, id: &[u8]| {
        (id.to_vec(), format!("projects/{project}/regions/{region}/{collection}/{}", wire::id(id)))
    };
    match kind {
        Kind::EipAllocated(EipAllocated { eip: Some(eip), .. })
        | Kind::EipReleased(EipReleased { eip: Some(eip), .. }) => {
            let pool = format!("regions/{}/pools/{}", eip.region, wire::id(&eip.pool_id));
            vec![(eip.pool_id.to_vec(), pool)]
        }
        Kind::SubnetCreated(subnet) => {
            vec![scoped(&subnet.project, &subnet.region, "vpcs", &subnet.vpc_id)]
        }
        Kind::VnicDeleted(VnicDeleted { vnic: Some(vnic) }) => {
            vec![scoped(&vnic.project, &vnic.region, "subnets", &vnic.subnet_id)]
        }
        Kind::VnicCreated(vnic) => vec![scoped(&vnic.project, &vnic.region, "subnets", &vnic.subnet_id)],
        Kind::HavipCreated(HavipCreated { havip: Some(havip), .. }) => {
            vec![scoped(&havip.project, &havip.region, "subnets", &havip.subnet_id)]
        }
        Kind::GatewayDriftFound(drift) => {
            vec![scoped(&drift.project, &drift.region, "vpcs", &drift.vpc_id)]
        }
        Kind::BindRequested(bind) => vec![
            scoped(&bind.eip_project, &bind.region, "eips", &bind.eip_id),
            scoped(&bind.project, &bind.region, "havips", &bind.havip_id),
        ],
        Kind::BindFailed(bind) => vec![
            scoped(&bind.eip_project, &bind.region, "eips", &bind.eip_id),
            scoped(&bind.project, &bind.region, "havips", &bind.havip_id),
        ],
        _ => Vec::new(),
    }
}

/// In the domain's words; what this moor does not know, it says.
fn difference(from: &Difference) -> String {
    convert::difference(from.clone()).map_or_else(|error| error.to_string(), |known| known.to_string())
}

fn pool_created(pool: &PoolCreated) -> String {
    let blocks: Vec<String> = pool.cidrs.iter().map(wire::cidr).collect();
    format!("pool {} created with {}", pool.display_name, blocks.join(", "))
}

fn vpc_created(vpc: &VpcCreated) -> String {
    format!("VPC {} created in project {}", vpc.display_name, vpc.project)
}

fn hold_released(released: &HoldReleased) -> String {
    let binding = wire::id(&released.binding_id);
    match (&released.eip, &released.havip) {
        (None, None) => format!("binding {binding} can hold nothing any more; it held nothing"),
        (eip, havip) => {
            format!("{} held no more for binding {binding}", pair(eip.as_ref(), "and", havip.as_ref()))
        }
    }
}

fn holder_changed(changed: &HolderChanged) -> String {
    let havip = havip_name(changed.havip.as_ref());
    let before = changed.previous.as_ref().map_or("nobody", |previous| &previous.instance);
    let gateway = changed.claim.as_ref().map_or("?", |claim| &claim.gateway);
    let how = match changed.lease {
        0 => format!("seen by gateway {gateway}"),
        lease => leased(lease),
    };
    format!("HAVIP {havip} held by {}, before by {before}; {how}", vnic_in_full(changed.holder.as_ref()))
}

fn leased(nanos: u64) -> String {
    let lease = humantime::format_duration(Duration::from_nanos(nanos));
    format!("announced over gRPC with a lease of {lease}")
}

fn lease_renewed(renewed: &LeaseRenewed) -> String {
    let (havip, holder) = (havip_name(renewed.havip.as_ref()), vnic_in_full(renewed.holder.as_ref()));
    format!("HAVIP {havip} held on by {holder}, {}", leased(renewed.lease))
}

fn holder_withdrawn(withdrawn: &HolderWithdrawn) -> String {
    let (havip, holder) = (havip_name(withdrawn.havip.as_ref()), vnic_in_full(withdrawn.holder.as_ref()));
    let why = match &*withdrawn.reason {
        "WITHDRAWN" => "it let go of it",
        "EXPIRED" => "its lease ended",
        "EXCLUDED" => "it may hold it no more",
        other => other,
    };
    format!("HAVIP {havip} held by {holder} no more, and by nobody: {why}")
}

fn holder_contested(contested: &HolderContested) -> String {
    let havip = havip_name(contested.havip.as_ref());
    let (rival, until) = (vnic_in_full(contested.rival.as_ref()), wire::time_ms(contested.backoff_ends_at));
    let gateway = contested.claim.as_ref().map_or("?", |claim| &claim.gateway);
    let holder = contested.holder.as_ref().map_or("?", |holder| &holder.instance);
    format!(
        "HAVIP {havip} contested by {rival}; {holder} keeps it until {until} at least; seen by gateway {gateway}"
    )
}

fn holder_settled(settled: &HolderSettled) -> String {
    let (havip, holder) = (havip_name(settled.havip.as_ref()), vnic_in_full(settled.holder.as_ref()));
    format!("HAVIP {havip} is contested no more: {holder} holds it")
}

fn holder_silent(silent: &HolderSilent) -> String {
    let (holder, havip) = (vnic_in_full(silent.holder.as_ref()), havip_name(silent.havip.as_ref()));
    let (gateway, since) = (&silent.gateway, wire::time_ms(silent.heard_at));
    format!("{holder} holds HAVIP {havip} and answers no more; gateway {gateway} heard it last at {since}")
}

fn holder_heard(heard: &HolderHeard) -> String {
    let (holder, havip) = (vnic_in_full(heard.holder.as_ref()), havip_name(heard.havip.as_ref()));
    let (gateway, at) = (&heard.gateway, wire::time_ms(heard.heard_at));
    format!("{holder}, which holds HAVIP {havip}, is heard again; by gateway {gateway} at {at}")
}

fn claim_rejected(rejected: &ClaimRejected) -> String {
    let havip = havip_name(rejected.havip.as_ref());
    let (mac, gateway) =
        rejected.claim.as_ref().map_or_else(Default::default, |c| (wire::mac(&c.mac), &*c.gateway));
    let who = match &rejected.vnic {
        Some(vnic) => format!("{} ({mac})", vnic.instance),
        None => format!("the stranger {mac}"),
    };
    let why = match &*rejected.reason {
        "NOT_A_MEMBER" => "no member",
        "UNKNOWN_MAC" => "no vNIC of the subnet has this MAC",
        other => other,
    };
    let others = match rejected.unrecorded {
        0 => String::new(),
        others => format!("; {others} before it are not recorded"),
    };
    format!("claim of HAVIP {havip} by {who} rejected: {why}; seen by gateway {gateway}{others}")
}

fn failover_measured(measured: &FailoverMeasured) -> String {
    let havip = havip_name(measured.havip.as_ref());
    let holder = measured.holder.as_ref().map_or("?", |holder| &holder.instance);
    let (gateway, claimed_at) =
        measured.claim.as_ref().map_or(("?", 0), |claim| (&*claim.gateway, claim.observed_at));
    let after = |at: u64| milliseconds(at.saturating_sub(claimed_at));
    format!(
        "gateway {gateway} followed HAVIP {havip} to {holder}: in its kernel {} after the announcement, in the log (record {}) \
         {} after it",
        after(measured.applied_at),
        measured.stored_position,
        after(measured.followed_at)
    )
}

fn pair(eip: Option<&EipFacts>, how: &str, havip: Option<&HavipFacts>) -> String {
    format!("EIP {} {how} HAVIP {}", eip_name(eip), havip_name(havip))
}

fn eip_name(eip: Option<&EipFacts>) -> String {
    eip.map_or_else(|| "?".to_owned(), |eip| label(&eip.display_name, wire::address(eip.address.as_ref())))
}

fn havip_name(havip: Option<&HavipFacts>) -> String {
    havip.map_or_else(
        || "?".to_owned(),
        |havip| label(&havip.display_name, wire::address(havip.address.as_ref())),
    )
}

/// An EIP's display name is often its address: said once.
fn label(name: &str, address: String) -> String {
    if name.is_empty() || name == address { address } else { format!("{name} ({address})") }
}

fn vnic_in_full(vnic: Option<&Vnic>) -> String {
    vnic.map_or_else(
        || "?".to_owned(),
        |vnic| {
            format!("{} ({}, {})", vnic.instance, wire::mac(&vnic.mac), wire::address(vnic.address.as_ref()))
        },
    )
}

#[cfg(test)]
#[path = "history_stories.rs"]
mod stories;
