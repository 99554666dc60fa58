//! What changed or went, in one sentence; of what changed, all that is so from then on.

use std::time::Duration;

use mooring_proto::event::v1::{
    Cidr, Damping, HavipUpdated, PoolDeleted, PoolUpdated, SubnetDeleted, SubnetUpdated, Vnic, VpcDeleted,
};

use super::havip_name;
use crate::wire;

pub(super) fn claimants(members: &[Vnic], whole_subnet: bool) -> String {
    let members: Vec<&str> = members.iter().map(|member| &*member.instance).collect();
    let members = if members.is_empty() { "none".to_owned() } else { members.join(", ") };
    let open = if whole_subnet { "; any vNIC of the subnet may claim it" } else { "" };
    format!("members: {members}{open}")
}

pub(super) fn havip_updated(updated: &HavipUpdated) -> String {
    let damping = match &updated.damping {
        None => String::new(),
        Some(Damping { step: 0, .. }) => "; damping off".to_owned(),
        Some(Damping { step, cap }) => {
            let of = |nanos| humantime::format_duration(Duration::from_nanos(nanos)).to_string();
            format!("; damping {}/{}", of(*step), of(*cap))
        }
    };
    let announce = if updated.announce { "; may be announced over gRPC" } else { "" };
    let claimants = claimants(&updated.members, updated.whole_subnet);
    format!("HAVIP {} changed; {claimants}{damping}{announce}", havip_name(updated.havip.as_ref()))
}

pub(super) fn vpc_deleted(deleted: &VpcDeleted) -> String {
    format!("VPC {} deleted", deleted.vpc.as_ref().map_or("?", |vpc| &vpc.display_name))
}

pub(super) fn subnet_deleted(deleted: &SubnetDeleted) -> String {
    format!("subnet {} deleted", deleted.subnet.as_ref().map_or("?", |subnet| &subnet.display_name))
}

pub(super) fn pool_updated(pool: &PoolUpdated) -> String {
    let cidrs: Vec<String> = pool.cidrs.iter().map(wire::cidr).collect();
    let draining = if pool.draining { "; nothing new is allocated from it" } else { "" };
    let cooling = match pool.cooling {
        0 => String::new(),
        nanos => format!("; addresses cool for {}", humantime::format_duration(Duration::from_nanos(nanos))),
    };
    format!("pool {} changed; blocks: {}{cooling}{draining}", pool.display_name, cidrs.join(", "))
}

pub(super) fn pool_deleted(deleted: &PoolDeleted) -> String {
    format!("pool {} deleted", deleted.pool.as_ref().map_or("?", |pool| &pool.display_name))
}

/// Blocks that nobody takes an address of.
pub(super) fn reserved(blocks: &[Cidr]) -> String {
    blocks.iter().map(wire::cidr).collect::<Vec<_>>().join(", ")
}

pub(super) fn subnet_updated(updated: &SubnetUpdated) -> String {
    let Some(subnet) = &updated.subnet else { return "subnet ? changed".to_owned() };
    let reserved = reserved(&subnet.reserved);
    let reserved = if reserved.is_empty() { "none" } else { &reserved };
    format!("subnet {} changed; reserved: {reserved}", subnet.display_name)
}
