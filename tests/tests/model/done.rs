//! What a command that breaks no rule makes of the world.

use std::net::IpAddr;

use crate::commands::{Command, What};
use crate::world::{Bound, Done, Eip, Havip, Subnet, Vnic, World, edited};

impl World {
    /// The address that is to be chosen, or was asked for; of what has one.
    pub fn address_for(&self, command: &Command) -> Option<IpAddr> {
        match &command.what {
            What::CreateVnic { address, .. } => Some(*address),
            What::CreateHavip { address, subnet, .. } => {
                address.or_else(|| self.free_host(&self.subnets[subnet]))
            }
            What::AllocateEip { address, pool, .. } => address.or_else(|| self.free_eip(command.by, *pool)),
            What::UpdateEip { eip, .. } => Some(self.eips[eip].address),
            What::UpdateHavip { havip, .. } => Some(self.havips[havip].address),
            _ => None,
        }
    }

    /// Whether it changed anything.
    pub fn wrote(&self, command: &Command, done: &Done) -> bool {
        match &command.what {
            What::UpdateHavip { havip, .. } => self.havips[havip].revision != done.revision,
            What::UpdateSubnet { subnet, .. } => self.subnets[subnet].revision != done.revision,
            What::UpdatePool { pool, .. } | What::DrainPool { pool, .. } | What::ResumePool { pool, .. } => {
                self.pools[*pool].revision != done.revision
            }
            What::UpdateQuotas { .. } => self.limits[command.by].1 != done.revision,
            What::UpdateEip { eip, label, protected, .. } => {
                let its = &self.eips[eip];
                label.as_ref().is_some_and(|label| *label != its.label)
                    || protected.is_some_and(|protected| protected != its.protected)
            }
            What::Bind { eip, havip } | What::Move { eip, havip, .. } => {
                self.bound.get(eip).is_none_or(|bound| bound.havip != *havip)
            }
            What::Unbind { eip, .. } => self.bound.contains_key(eip),
            _ => true,
        }
    }

    /// Makes it so.
    pub fn apply(&mut self, command: &Command, done: &Done) {
        let Done { name, revision, .. } = done.clone();
        let address = self.address_for(command);
        match command.what.clone() {
            What::UpdateQuotas { limits } => self.limits[command.by] = (limits, revision),
            what @ (What::UpdatePool { .. } | What::DrainPool { .. } | What::ResumePool { .. }) => {
                self.apply_to_pool(what, revision);
            }
            What::CreateVpc { label } => drop(self.vpcs.insert(name, label)),
            What::CreateSubnet { vpc, label, cidr, reserved } => {
                self.subnets.insert(name, Subnet { vpc, label, cidr, reserved, revision });
            }
            What::UpdateSubnet { subnet, label, added, removed, .. } => {
                let its = self.subnets.get_mut(&subnet).unwrap();
                its.label = label.unwrap_or_else(|| its.label.clone());
                its.reserved = edited(&its.reserved, &added, &removed).unwrap();
                its.revision = revision;
            }
            What::CreateVnic { subnet, instance, mac, address } => {
                self.vnics.insert(name, Vnic { subnet, instance, mac, address });
            }
            What::CreateHavip { subnet, label, members, open, .. } => {
                let address = address.unwrap();
                self.havips.insert(name, Havip { subnet, label, address, members, open, revision });
            }
            What::UpdateHavip { havip, label, members, added, removed, open, .. } => {
                let its = self.havips.get_mut(&havip).unwrap();
                its.label = label.unwrap_or_else(|| its.label.clone());
                let all = members.unwrap_or_else(|| its.members.clone());
                its.members = edited(&all, &added, &removed).unwrap();
                its.open = open.unwrap_or(its.open);
                its.revision = revision;
            }
            What::DeleteVpc { vpc: gone }
            | What::DeleteSubnet { subnet: gone }
            | What::DeleteVnic { vnic: gone }
            | What::DeleteHavip { havip: gone, .. } => self.forget(gone),
            What::AllocateEip { label, .. } => {
                let address = address.unwrap();
                let label = label.unwrap_or_else(|| address.to_string());
                self.cooling.remove(&address);
                self.eips.insert(name, Eip { label, address, protected: false, revision });
            }
            What::UpdateEip { eip, label, protected, .. } => {
                let its = self.eips.get_mut(&eip).unwrap();
                its.label = label.unwrap_or_else(|| its.label.clone());
                its.protected = protected.unwrap_or(its.protected);
                its.revision = revision;
            }
            What::ReleaseEip { eip, .. } => self.release(eip, command.by),
            What::Bind { eip, havip } | What::Move { eip, havip, .. } => {
                self.bound.insert(eip, Bound { havip, binding: name, revision });
            }
            What::Unbind { eip, .. } => drop(self.bound.remove(&eip)),
        }
    }

    fn release(&mut self, eip: String, by: usize) {
        let its = self.eips.remove(&eip).unwrap();
        if self.pools.iter().any(|pool| pool.cools && pool.has(&its.address)) {
            self.cooling.insert(its.address, by);
            self.released.insert(its.address, eip.clone());
        }
        self.gone.push(eip);
    }

    fn apply_to_pool(&mut self, what: What, revision: u64) {
        let its = match what {
            What::UpdatePool { pool, added, removed, .. } => {
                let its = &mut self.pools[pool];
                its.cidrs = edited(&its.cidrs, &added, &removed).unwrap();
                its
            }
            What::DrainPool { pool, .. } | What::ResumePool { pool, .. } => {
                let its = &mut self.pools[pool];
                its.drains = matches!(what, What::DrainPool { .. });
                its
            }
            other => panic!("{other:?} changes no pool"),
        };
        its.revision = revision;
    }

    fn forget(&mut self, gone: String) {
        self.vpcs.remove(&gone);
        self.subnets.remove(&gone);
        self.vnics.remove(&gone);
        self.havips.remove(&gone);
        self.gone.push(gone);
    }
}
