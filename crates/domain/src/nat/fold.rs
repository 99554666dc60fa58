//! From commits to the desired state.

use imbl::OrdSet;

use super::{Desired, VpcDesired};
use crate::{
    Commit, Event,
    event::{BindingFacts, HavipCreated},
    id::VpcId,
};

/// What a commit of any stream makes of the desired state. An event about a VPC that is not known changes nothing.
pub fn fold(desired: &mut Desired, commit: &Commit) {
    desired.position = commit.at.position;
    for event in &commit.events {
        apply(desired, event);
    }
}

fn apply(desired: &mut Desired, event: &Event) {
    match event {
        Event::PoolCreated(pool) => {
            desired.pools.insert(pool.id, pool.cidrs.clone());
        }
        Event::VpcCreated(vpc) => {
            let known = VpcDesired::new(vpc.project.clone(), vpc.display_name.clone(), desired.position);
            desired.vpcs.insert(vpc.id, known);
        }
        Event::SubnetCreated(subnet) => change(desired, subnet.vpc, |vpc| {
            vpc.subnets.insert(subnet.cidr.trunc());
        }),
        Event::HavipCreated(created) => havip_created(desired, created),
        Event::HavipDeleted(havip) => change(desired, havip.vpc, |vpc| {
            vpc.holders.remove(&havip.address);
            vpc.members.remove(&havip.address);
        }),
        Event::Bound(facts) => change(desired, facts.havip.vpc, |vpc| {
            vpc.nat.insert(facts.eip.address, facts.havip.address);
        }),
        Event::UnbindRequested(facts) => unbind(desired, facts),
        Event::HolderChanged(changed) => change(desired, changed.havip.vpc, |vpc| {
            // Only a HAVIP that exists is held: health may decide on a claim while resource deletes what it is for.
            if let Some(holder) = vpc.holders.get_mut(&changed.havip.address) {
                *holder = Some(changed.holder.mac);
            }
        }),
        Event::VnicCreated(_)
        | Event::EipAllocated(_)
        | Event::EipReleased(_)
        | Event::HoldPlaced(_)
        | Event::HoldReleased(_)
        | Event::BindRequested(_)
        | Event::BindFailed(_)
        | Event::Unbound(_)
        | Event::GatewayRegistered(_)
        | Event::GatewayDecommissioned(_)
        | Event::ClaimRejected(_) => {}
    }
}

fn havip_created(desired: &mut Desired, created: &HavipCreated) {
    let macs: OrdSet<_> = created.members.iter().map(|member| member.mac).collect();
    change(desired, created.havip.vpc, |vpc| {
        vpc.holders.insert(created.havip.address, None);
        vpc.members.insert(created.havip.address, macs);
    });
}

/// This is the moment at which gateways take the element out; `Unbound` then says that all of them have.
fn unbind(desired: &mut Desired, facts: &BindingFacts) {
    change(desired, facts.havip.vpc, |vpc| {
        // Of a pair that is another's by now nothing is taken.
        if vpc.nat.get(&facts.eip.address) == Some(&facts.havip.address) {
            vpc.nat.remove(&facts.eip.address);
        }
    });
}

fn change(desired: &mut Desired, vpc: VpcId, how: impl FnOnce(&mut VpcDesired)) {
    let position = desired.position;
    if let Some(vpc) = desired.vpcs.get_mut(&vpc) {
        how(vpc);
        vpc.position = position;
    }
}
