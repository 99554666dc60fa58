//! From commits to the desired state.

use super::{Change, Desired, VpcDesired, change::Pair};
use crate::{Commit, id::VpcId};

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
        Change::Havip { vpc, address, members, whole_subnet } => within(desired, vpc, |vpc| {
            vpc.holders.insert(address, None);
            vpc.members.insert(address, members.into_iter().collect());
            vpc.open.extend(whole_subnet.map(|subnet| (address, subnet)));
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
            if let Some(holder) = vpc.holders.get_mut(&havip) {
                *holder = Some(by);
            }
        }),
    }
}

fn within(desired: &mut Desired, vpc: VpcId, how: impl FnOnce(&mut VpcDesired)) {
    let position = desired.position;
    if let Some(vpc) = desired.vpcs.get_mut(&vpc) {
        how(vpc);
        vpc.position = position;
    }
}
