//! From commits to the desired state.

use std::net::IpAddr;

use super::{Change, Desired, Gone, VpcDesired, change::Pair};
use crate::{
    Commit,
    address::Mac,
    id::{SubnetId, VpcId},
};

/// What a commit of any stream makes of the desired state. An event about a VPC that is not known changes nothing.
pub fn fold(desired: &mut Desired, commit: &Commit) {
    desired.position = commit.at.position;
    for change in commit.events.iter().filter_map(Change::of) {
        fold_change(desired, change);
    }
}

/// What one change makes of it, at its position.
pub fn fold_change(desired: &mut Desired, change: Change) {
    match change {
        Change::Pool { id, cidrs } => {
            desired.pools.insert(id, cidrs);
        }
        Change::PoolGone { id } => {
            desired.pools.remove(&id);
        }
        Change::Vpc { id, project, display_name } => {
            let known = VpcDesired::new(project, display_name, desired.position);
            desired.vpcs.insert(id, known);
        }
        Change::Subnet { vpc, cidr } => within(desired, vpc, |vpc| {
            vpc.subnets.insert(cidr.trunc());
        }),
        // No kernel has anything of a vNIC: it is no change of the VPC's.
        Change::Vnic { vpc, subnet, mac } => {
            if let Some(vpc) = desired.vpcs.get_mut(&vpc) {
                vpc.vnics.entry(subnet).or_default().insert(mac);
            }
        }
        Change::VpcGone { id } => vpc_gone(desired, id),
        Change::SubnetGone { vpc, id, cidr } => within(desired, vpc, |vpc| {
            vpc.subnets.remove(&cidr.trunc());
            vpc.vnics.remove(&id);
        }),
        Change::VnicGone { vpc, subnet, mac } => vnic_gone(desired, vpc, subnet, mac),
        Change::Havip { vpc, address, members, whole_subnet } => within(desired, vpc, |vpc| {
            vpc.members.insert(address, members.into_iter().collect());
            match whole_subnet {
                Some(subnet) => vpc.open.insert(address, subnet),
                None => vpc.open.remove(&address),
            };
            vpc.hold(address, vpc.holders.get(&address).copied().flatten());
        }),
        Change::HavipGone { vpc, address } => within(desired, vpc, |vpc| {
            vpc.holders.remove(&address);
            vpc.members.remove(&address);
            vpc.open.remove(&address);
        }),
        Change::Bound(Pair { vpc, eip, havip }) => within(desired, vpc, |vpc| {
            vpc.nat.insert(eip, havip);
        }),
        Change::Unbound(Pair { vpc, eip, havip }) => within(desired, vpc, |vpc| {
            // Of a pair that is another's by now nothing is taken.
            if vpc.nat.get(&eip) == Some(&havip) {
                vpc.nat.remove(&eip);
            }
        }),
        Change::HeldNoMore { vpc, havip } => within(desired, vpc, |vpc| {
            if let Some(holder) = vpc.holders.get_mut(&havip) {
                *holder = None;
            }
        }),
        Change::Held { vpc, havip, by } => within(desired, vpc, |vpc| {
            // Only a HAVIP that exists is held: health may decide on a claim while resource deletes what it is for.
            if vpc.holders.contains_key(&havip) {
                vpc.hold(havip, Some(by));
            }
        }),
    }
}

/// What says where it lived is remembered.
fn vpc_gone(desired: &mut Desired, id: VpcId) {
    if let Some(VpcDesired { project, display_name, .. }) = desired.vpcs.remove(&id) {
        desired.gone.insert(id, Gone { project, display_name, position: desired.position });
    }
}

/// Only of HAVIPs that are open to its subnet it can have been the holder; they alone are changes of the VPC's.
fn vnic_gone(desired: &mut Desired, vpc: VpcId, subnet: SubnetId, mac: Mac) {
    let position = desired.position;
    let Some(vpc) = desired.vpcs.get_mut(&vpc) else { return };
    if let Some(vnics) = vpc.vnics.get_mut(&subnet) {
        vnics.remove(&mac);
        if vnics.is_empty() {
            vpc.vnics.remove(&subnet);
        }
    }
    let held = vpc.open.keys().filter(|havip| vpc.holders.get(*havip) == Some(&Some(mac)));
    let held: Vec<IpAddr> = held.copied().collect();
    for havip in held {
        vpc.hold(havip, Some(mac));
        vpc.position = position;
    }
}

fn within(desired: &mut Desired, vpc: VpcId, how: impl FnOnce(&mut VpcDesired)) {
    let position = desired.position;
    if let Some(vpc) = desired.vpcs.get_mut(&vpc) {
        how(vpc);
        vpc.position = position;
    }
}
