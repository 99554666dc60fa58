//! What there is, as a few maps.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Whose things they are.
pub struct Project {
    pub id: &'static str,
    pub scope: &'static str,
}

pub const PROJECTS: [Project; 2] = [
    Project { id: "p1", scope: "projects/p1/regions/r1" },
    Project { id: "p2", scope: "projects/p2/regions/r1" },
];

pub struct Pool {
    pub name: String,
    pub cidr: Ipv4Net,
    /// A released address is kept for who had it, for longer than this test lasts.
    pub cools: bool,
}

pub struct Subnet {
    pub vpc: String,
    pub label: String,
    pub cidr: Ipv4Net,
}

pub struct Vnic {
    pub subnet: String,
    pub instance: String,
    pub mac: u8,
    pub address: Ipv4Addr,
}

pub struct Havip {
    pub subnet: String,
    pub label: String,
    pub address: Ipv4Addr,
    pub members: Vec<String>,
    pub revision: u64,
}

pub struct Eip {
    pub label: String,
    pub address: Ipv4Addr,
    pub protected: bool,
    pub revision: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    pub havip: String,
    pub binding: String,
    pub revision: u64,
}

/// How much a project may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub eips: u64,
    pub havips_per_vpc: u64,
    pub havips_per_instance: u64,
    pub members_per_havip: u64,
}

/// Where nobody has said another.
impl Default for Limits {
    fn default() -> Limits {
        Limits { eips: 20, havips_per_vpc: 5, havips_per_instance: 5, members_per_havip: 10 }
    }
}

/// All by name.
#[derive(Default)]
pub struct World {
    pub pools: Vec<Pool>,
    /// Their display names.
    pub vpcs: BTreeMap<String, String>,
    pub subnets: BTreeMap<String, Subnet>,
    pub vnics: BTreeMap<String, Vnic>,
    pub havips: BTreeMap<String, Havip>,
    pub eips: BTreeMap<String, Eip>,
    /// By EIP.
    pub bound: BTreeMap<String, Bound>,
    /// Addresses that are kept, and for which project.
    pub cooling: BTreeMap<Ipv4Addr, usize>,
    /// The EIP that had an address last, of those that were released.
    pub released: BTreeMap<Ipv4Addr, String>,
    /// Of each project, and where they were stored.
    pub limits: [(Limits, u64); 2],
    /// Names of what was deleted.
    pub gone: Vec<String>,
}

/// What was done, as the answer says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Done {
    /// Of what was made or changed; of a bind or a move the binding's.
    pub name: String,
    /// Where one was chosen.
    pub address: Option<Ipv4Addr>,
    pub revision: u64,
}

pub fn is_of(name: &str, by: usize) -> bool {
    name.starts_with(&format!("{}/", PROJECTS[by].scope))
}

/// The addresses that something in the subnet can have: not the network's, the router's or the broadcast address.
pub fn hosts(cidr: Ipv4Net) -> impl DoubleEndedIterator<Item = Ipv4Addr> {
    let hosts: Vec<_> = cidr.hosts().skip(1).collect();
    hosts.into_iter()
}

impl World {
    pub fn has<T>(&self, things: &BTreeMap<String, T>, name: &str, by: usize) -> bool {
        self.of(things, name, by).is_some()
    }

    /// What another project has is not there.
    pub fn of<'a, T>(&self, things: &'a BTreeMap<String, T>, name: &str, by: usize) -> Option<&'a T> {
        things.get(name).filter(|_| is_of(name, by))
    }

    pub fn vpc_of(&self, subnet: &str) -> &str {
        &self.subnets[subnet].vpc
    }

    /// The addresses that something in the VPC has.
    pub fn taken(&self, vpc: &str) -> BTreeSet<Ipv4Addr> {
        let vnics = self.vnics.values().map(|its| (&its.subnet, its.address));
        let havips = self.havips.values().map(|its| (&its.subnet, its.address));
        vnics
            .chain(havips)
            .filter(|(subnet, _)| self.vpc_of(subnet) == vpc)
            .map(|(_, address)| address)
            .collect()
    }

    pub fn fronted_by(&self, havip: &str) -> Option<&String> {
        self.bound.iter().find(|(_, bound)| bound.havip == havip).map(|(eip, _)| eip)
    }

    /// The highest.
    pub fn free_host(&self, subnet: &Subnet) -> Option<Ipv4Addr> {
        let taken = self.taken(&subnet.vpc);
        hosts(subnet.cidr).rev().find(|host| !taken.contains(host))
    }

    /// The lowest of the pool, or of the first pool that has one; what cools is nobody's who does not ask for it.
    pub fn free_eip(&self, pool: Option<usize>) -> Option<Ipv4Addr> {
        let taken: BTreeSet<_> = self.eips.values().map(|its| its.address).collect();
        let free = |address: &Ipv4Addr| !taken.contains(address) && !self.cooling.contains_key(address);
        let pools =
            self.pools.iter().enumerate().filter(|(number, _)| pool.is_none_or(|pool| pool == *number));
        pools.flat_map(|(_, pool)| all_of(pool.cidr)).find(free)
    }
}

/// A pool gives out the first and the last one too.
fn all_of(cidr: Ipv4Net) -> impl Iterator<Item = Ipv4Addr> {
    (u32::from(cidr.network())..=u32::from(cidr.broadcast())).map(Ipv4Addr::from)
}
