//! What must be answered: a refusal for one of the rules that are broken, or, where none is, that it was done. The rules are
//! written down here once more, after the docs.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

use crate::commands::{Command, What};
use crate::world::{Havip, Limits, Subnet, Vnic, World, all_of, edited, hosts, is_of};

/// The reasons of the rules that are broken.
pub type Broken = BTreeSet<&'static str>;

impl World {
    /// What would be wrong with it. Nothing: it must be done.
    pub fn broken(&self, command: &Command) -> Broken {
        let mut broken = Broken::new();
        let mut rule = |reason: &'static str, is_broken: bool| {
            if is_broken {
                broken.insert(reason);
            }
        };
        self.of_pools(command, &mut rule);
        self.of_networks(command, &mut rule);
        self.of_subnets(command, &mut rule);
        self.of_havips(command, &mut rule);
        self.of_eips(command, &mut rule);
        self.of_bindings(command, &mut rule);
        broken
    }

    fn of_pools(&self, Command { what, .. }: &Command, rule: &mut impl FnMut(&'static str, bool)) {
        let mut stale = |pool: usize, revision: u64| {
            rule("STALE_REVISION", revision != 0 && revision != self.pools[pool].revision);
        };
        match what {
            What::DrainPool { pool, revision } | What::ResumePool { pool, revision } => {
                stale(*pool, *revision)
            }
            What::UpdatePool { pool, added, removed, revision } => {
                stale(*pool, *revision);
                let before = &self.pools[*pool].cidrs;
                let Some(after) = edited(before, added, removed) else { return rule("NOT_FOUND", true) };
                rule("INVALID_FIELD", after.is_empty() || overlap(&after) || has_host_bits(&after));
                let others = self.pools.iter().enumerate().filter(|(number, _)| number != pool);
                let mut others = others.flat_map(|(_, its)| &its.cidrs);
                let shares = |other: &IpNet| after.iter().any(|block| overlap(&[*block, *other]));
                rule("POOL_OVERLAPS", others.any(shares));
                let left = |address: &_| !after.iter().any(|block| block.contains(address));
                let mut gone = before.iter().filter(|block| !after.contains(block));
                let not_empty =
                    gone.any(|block| all_of(*block).filter(left).any(|it| self.is_somebodys(&it)));
                rule("POOL_BLOCK_NOT_EMPTY", not_empty);
            }
            _ => {}
        }
    }

    fn of_networks(&self, Command { by, what, .. }: &Command, rule: &mut impl FnMut(&'static str, bool)) {
        let by = *by;
        match what {
            What::CreateVpc { label } => {
                rule("NAME_TAKEN", self.vpcs.iter().any(|(name, its)| is_of(name, by) && its == label));
            }
            What::CreateVnic { subnet, instance, mac, address } => match self.of(&self.subnets, subnet, by) {
                None => rule("NOT_FOUND", true),
                Some(at) => {
                    rule("INVALID_FIELD", !hosts(at.cidr).contains(address));
                    rule("ADDRESS_RESERVED", at.reserves(*address));
                    rule("ADDRESS_TAKEN", self.taken(&at.vpc).contains(address));
                    let in_it = |its: &&Vnic| its.subnet == *subnet && its.instance == *instance;
                    rule("NAME_TAKEN", self.vnics.values().any(|its| in_it(&its)));
                    rule(
                        "MAC_TAKEN",
                        self.vnics.values().any(|its| self.vpc_of(&its.subnet) == at.vpc && its.mac == *mac),
                    );
                }
            },
            What::DeleteVpc { vpc } => {
                rule("NOT_FOUND", !self.has(&self.vpcs, vpc, by));
                rule("VPC_NOT_EMPTY", is_of(vpc, by) && self.subnets.values().any(|its| its.vpc == *vpc));
            }
            What::DeleteVnic { vnic } => {
                rule("NOT_FOUND", !self.has(&self.vnics, vnic, by));
                let member = self.havips.values().any(|its| its.members.contains(vnic));
                rule("VNIC_IS_A_MEMBER", is_of(vnic, by) && member);
            }
            _ => {}
        }
    }

    fn of_subnets(&self, Command { by, what, .. }: &Command, rule: &mut impl FnMut(&'static str, bool)) {
        let by = *by;
        match what {
            What::CreateSubnet { vpc, label, cidr, reserved } => {
                rule("INVALID_FIELD", wrongly_reserved(cidr, reserved));
                rule("NOT_FOUND", !self.has(&self.vpcs, vpc, by));
                rule(
                    "NAME_TAKEN",
                    self.subnets.iter().any(|(name, its)| is_of(name, by) && its.label == *label),
                );
                let overlaps = |its: &Subnet| overlap(&[its.cidr, *cidr]);
                rule("SUBNET_OVERLAPS", self.subnets.values().any(|its| its.vpc == *vpc && overlaps(its)));
            }
            What::UpdateSubnet { subnet, label, added, removed, revision } => {
                let Some(its) = self.of(&self.subnets, subnet, by) else { return rule("NOT_FOUND", true) };
                rule("STALE_REVISION", *revision != 0 && *revision != its.revision);
                let other = |label: &String| {
                    let named = |(name, its): (&String, &Subnet)| {
                        name != subnet && is_of(name, by) && its.label == *label
                    };
                    self.subnets.iter().any(named)
                };
                rule("NAME_TAKEN", label.as_ref().is_some_and(other));
                let Some(after) = edited(&its.reserved, added, removed) else {
                    return rule("NOT_FOUND", true);
                };
                rule("INVALID_FIELD", wrongly_reserved(&its.cidr, &after));
                let taken = self.taken(&its.vpc);
                let new = after.iter().filter(|block| !its.reserved.contains(block));
                let in_use = new.flat_map(|block| all_of(*block)).any(|address| taken.contains(&address));
                rule("RESERVED_IN_USE", in_use);
            }
            What::DeleteSubnet { subnet } => {
                rule("NOT_FOUND", !self.has(&self.subnets, subnet, by));
                let mut in_it = self.vnics.values().map(|its| &its.subnet);
                let in_it =
                    in_it.any(|its| its == subnet) || self.havips.values().any(|its| its.subnet == *subnet);
                rule("SUBNET_NOT_EMPTY", is_of(subnet, by) && in_it);
            }
            _ => {}
        }
    }

    fn of_havips(&self, Command { by, what, .. }: &Command, rule: &mut impl FnMut(&'static str, bool)) {
        let by = *by;
        match what {
            What::CreateHavip { subnet, label, address, members, .. } => {
                self.wrong_members(by, subnet, (&[], members), rule);
                rule(
                    "NAME_TAKEN",
                    self.havips.iter().any(|(name, its)| is_of(name, by) && its.label == *label),
                );
                let vpc = self.of(&self.subnets, subnet, by).map(|at| &at.vpc);
                let in_it = |its: &&Havip| Some(&self.subnets[&its.subnet].vpc) == vpc;
                let havips = self.havips.values().filter(in_it).count() as u64;
                rule("QUOTA_EXCEEDED", vpc.is_some() && havips >= self.limits[by].0.havips_per_vpc);
                match (self.of(&self.subnets, subnet, by), address) {
                    (None, _) => rule("NOT_FOUND", true),
                    (Some(at), Some(address)) => {
                        rule("INVALID_FIELD", !hosts(at.cidr).contains(address));
                        rule("ADDRESS_RESERVED", at.reserves(*address));
                        rule("ADDRESS_TAKEN", self.taken(&at.vpc).contains(address));
                    }
                    (Some(at), None) => rule("SUBNET_EXHAUSTED", self.free_host(at).is_none()),
                }
            }
            What::UpdateHavip { havip, label, members, added, removed, revision, .. } => {
                match self.of(&self.havips, havip, by) {
                    None => rule("NOT_FOUND", true),
                    Some(its) => {
                        rule("STALE_REVISION", *revision != 0 && *revision != its.revision);
                        let other = |label: &String| {
                            let named = |(name, its): (&String, &Havip)| {
                                name != havip && is_of(name, by) && its.label == *label
                            };
                            self.havips.iter().any(named)
                        };
                        rule("NAME_TAKEN", label.as_ref().is_some_and(other));
                        let all = members.as_deref().unwrap_or(&its.members);
                        let of_nobody = |member: &&String| !self.has(&self.vnics, member, by);
                        rule("NOT_FOUND", removed.iter().any(|member| of_nobody(&member)));
                        match edited(all, added, removed) {
                            None => rule("NOT_FOUND", true),
                            Some(after) => self.wrong_members(by, &its.subnet, (&its.members, &after), rule),
                        }
                    }
                }
            }
            What::DeleteHavip { havip, revision } => match self.of(&self.havips, havip, by) {
                None => rule("NOT_FOUND", true),
                Some(its) => {
                    rule("STALE_REVISION", *revision != 0 && *revision != its.revision);
                    rule("HAVIP_HELD", self.fronted_by(havip).is_some());
                }
            },
            _ => {}
        }
    }

    fn of_eips(&self, Command { by, what, .. }: &Command, rule: &mut impl FnMut(&'static str, bool)) {
        let by = *by;
        match what {
            What::AllocateEip { label, address, pool } => {
                let named = |label: &String| {
                    self.eips.iter().any(|(name, its)| is_of(name, by) && its.label == *label)
                };
                rule("NAME_TAKEN", label.as_ref().is_some_and(named));
                let gets = address.or_else(|| self.free_eip(by, *pool));
                rule("QUOTA_EXCEEDED", self.eips_with(by, gets) > self.limits[by].0.eips);
                let drains = |pool: Option<usize>| pool.is_some_and(|pool| self.pools[pool].drains);
                match address {
                    None => {
                        rule("POOL_DRAINING", drains(*pool));
                        rule("POOL_EXHAUSTED", self.free_eip(by, *pool).is_none());
                    }
                    Some(address) => {
                        let of = self.pool_of(address);
                        rule("POOL_DRAINING", drains(of));
                        rule("INVALID_FIELD", pool.is_some() && *pool != of);
                        rule("NOT_IN_A_POOL", of.is_none());
                        rule("ADDRESS_TAKEN", self.eips.values().any(|its| its.address == *address));
                        rule("ADDRESS_COOLING", self.cooling.get(address).is_some_and(|of| *of != by));
                    }
                }
            }
            What::UpdateEip { eip, label, revision, .. } => match self.of(&self.eips, eip, by) {
                None => self.missing_eip(by, eip, rule),
                Some(its) => {
                    rule("STALE_REVISION", *revision != 0 && *revision != its.revision);
                    let other = |label: &String| {
                        self.eips
                            .iter()
                            .any(|(name, its)| name != eip && is_of(name, by) && its.label == *label)
                    };
                    rule("NAME_TAKEN", label.as_ref().is_some_and(other));
                }
            },
            What::ReleaseEip { eip, revision } => match self.of(&self.eips, eip, by) {
                None => self.missing_eip(by, eip, rule),
                Some(its) => {
                    rule("STALE_REVISION", *revision != 0 && *revision != its.revision);
                    rule("DELETE_PROTECTED", its.protected);
                    rule("EIP_HELD", self.bound.contains_key(eip));
                }
            },
            _ => {}
        }
    }

    fn of_bindings(&self, Command { by, what, .. }: &Command, rule: &mut impl FnMut(&'static str, bool)) {
        let by = *by;
        match what {
            What::Bind { eip, havip } => {
                let pair =
                    self.bound.get(eip).filter(|_| is_of(eip, by)).is_some_and(|bound| bound.havip == *havip);
                if !pair {
                    self.missing_eip(by, eip, rule);
                    rule("NOT_FOUND", !self.has(&self.havips, havip, by));
                    rule("EIP_TAKEN", is_of(eip, by) && self.bound.contains_key(eip));
                    rule("HAVIP_TAKEN", is_of(havip, by) && self.fronted_by(havip).is_some());
                    rule("FAMILY_DIFFERS", self.differ(by, eip, havip));
                }
            }
            What::Move { eip, havip, revision } => {
                let bound = self.bound.get(eip).filter(|_| is_of(eip, by));
                rule("NOT_FOUND", !is_of(havip, by));
                self.missing_eip(by, eip, rule);
                rule("EIP_NOT_BOUND", bound.is_none() && self.has(&self.eips, eip, by));
                if let Some(bound) = bound.filter(|bound| bound.havip != *havip) {
                    rule("STALE_REVISION", *revision != 0 && *revision != bound.revision);
                    rule("HAVIP_TAKEN", self.fronted_by(havip).is_some());
                    rule("NOT_FOUND", !self.has(&self.havips, havip, by));
                    rule("FAMILY_DIFFERS", self.differ(by, eip, havip));
                }
            }
            What::Unbind { eip, revision } => {
                self.missing_eip(by, eip, rule);
                let bound = self.bound.get(eip);
                rule(
                    "STALE_REVISION",
                    bound.is_some_and(|bound| *revision != 0 && *revision != bound.revision),
                );
            }
            _ => {}
        }
    }

    /// What is not there may cool, which its project is told.
    fn missing_eip(&self, by: usize, eip: &String, rule: &mut impl FnMut(&'static str, bool)) {
        let had = |(address, of): (&IpAddr, &usize)| *of == by && self.released.get(address) == Some(eip);
        let (missing, cools) = (!self.has(&self.eips, eip, by), self.cooling.iter().any(had));
        rule("EIP_COOLING", missing && cools);
        rule("NOT_FOUND", missing && !cools);
    }

    /// An IPv4 and an IPv6 address.
    fn differ(&self, by: usize, eip: &str, havip: &str) -> bool {
        let (eip, havip) = (self.of(&self.eips, eip, by), self.of(&self.havips, havip, by));
        eip.zip(havip).is_some_and(|(eip, havip)| eip.address.is_ipv4() != havip.address.is_ipv4())
    }

    fn wrong_members(
        &self,
        by: usize,
        subnet: &str,
        (before, after): (&[String], &[String]),
        rule: &mut impl FnMut(&'static str, bool),
    ) {
        let distinct: BTreeSet<_> = after.iter().collect();
        rule("INVALID_FIELD", distinct.len() < after.len());
        rule("NOT_FOUND", after.iter().any(|member| !self.has(&self.vnics, member, by)));
        let elsewhere = |member: &String| self.vnics.get(member).is_some_and(|its| its.subnet != *subnet);
        rule("OTHER_SUBNET", after.iter().any(elsewhere));
        let Limits { members_per_havip, havips_per_instance, .. } = self.limits[by].0;
        let more = after.len() > before.len() && after.len() as u64 > members_per_havip;
        let new = after
            .iter()
            .filter(|member| !before.contains(member))
            .filter_map(|member| self.vnics.get(member));
        let mut new = new.map(|vnic| self.memberships(by, &vnic.instance));
        rule("QUOTA_EXCEEDED", more || new.any(|memberships| memberships >= havips_per_instance));
    }

    /// How many of the project's HAVIPs the instance is a member of.
    fn memberships(&self, by: usize, instance: &str) -> u64 {
        let havips = self.havips.iter().filter(|(name, _)| is_of(name, by));
        let members = havips.flat_map(|(_, its)| &its.members).filter_map(|member| self.vnics.get(member));
        members.filter(|vnic| vnic.instance == instance).count() as u64
    }
}

/// Whether two of them have an address both.
fn overlap(blocks: &[IpNet]) -> bool {
    let shares = |one: &IpNet, other: &IpNet| one.contains(other) || other.contains(one);
    blocks.iter().enumerate().any(|(number, one)| blocks[number + 1..].iter().any(|other| shares(one, other)))
}

fn has_host_bits(blocks: &[IpNet]) -> bool {
    blocks.iter().any(|block| block.trunc() != *block)
}

fn wrongly_reserved(cidr: &IpNet, reserved: &[IpNet]) -> bool {
    overlap(reserved) || has_host_bits(reserved) || reserved.iter().any(|block| !cidr.contains(block))
}
