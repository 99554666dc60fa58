//! Whose claims are listened for, of which HAVIPs.

use std::net::IpAddr;

use imbl::{OrdMap, OrdSet};
use mooring_dataplane::Known;
use mooring_domain::{address::Mac, id::SubnetId, nat::VpcDesired};

use crate::worker::v4;

/// As a VPC's fold has it.
#[derive(Clone, Debug)]
pub(super) struct Heeded {
    members: OrdMap<IpAddr, OrdSet<Mac>>,
    open: OrdMap<IpAddr, SubnetId>,
    vnics: OrdMap<SubnetId, OrdSet<Mac>>,
}

impl Heeded {
    pub(super) fn of(desired: &VpcDesired) -> Self {
        let VpcDesired { members, open, vnics, .. } = desired.clone();
        Self { members, open, vnics }
    }

    /// Seldom more than a look at three pointers: most of what changes in a VPC is none of this.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.members.ptr_eq(&other.members) || self.members == other.members)
            && (self.open.ptr_eq(&other.open) || self.open == other.open)
            && (self.vnics.ptr_eq(&other.vnics) || self.vnics == other.vnics)
    }

    pub(super) fn known(&self) -> Known {
        let of_subnets = self.open.values().filter_map(|subnet| self.vnics.get(subnet)).flatten();
        let macs = self.members.values().flatten().chain(of_subnets).copied();
        Known::new(self.members.keys().filter_map(v4), macs)
    }
}
