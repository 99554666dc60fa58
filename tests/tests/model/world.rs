//! What there is, as a few maps.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

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
    pub cidrs: Vec<IpNet>,
    /// A released address is kept for who had it, for longer than this test lasts.
    pub cools: bool,
    /// Nothing new is allocated from it.
    pub drains: bool,
    pub revision: u64,
}

pub struct Subnet {
    pub vpc: String,
    pub label: String,
    pub cidr: IpNet,
    /// In the order in which they came.
    pub reserved: Vec<IpNet>,
    pub revision: u64,
}

pub struct Vnic {
    pub subnet: String,
    pub instance: String,
    pub mac: u8,
    pub address: IpAddr,
}

pub struct Havip {
    pub subnet: String,
    pub label: String,
    pub address: IpAddr,
    pub members: Vec<String>,
    /// Any vNIC of its subnet may claim it.
    pub open: bool,
    pub revision: u64,
}

pub struct Eip {
    pub label: String,
    pub address: IpAddr,
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
    pub cooling: BTreeMap<IpAddr, usize>,
    /// The EIP that had an address last, of those that were released.
    pub released: BTreeMap<IpAddr, String>,
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
    pub address: Option<IpAddr>,
    pub revision: u64,
}

pub fn is_of(name: &str, by: usize) -> bool {
    name.starts_with(&format!("{}/", PROJECTS[by].scope))
}

/// The addresses that something in the subnet can have: not the network's, the router's or, of IPv4, the broadcast address.
pub fn hosts(cidr: IpNet) -> Vec<IpAddr> {
    let last = if cidr.addr().is_ipv4() { 1 } else { 0 };
    let all: Vec<_> = all_of(cidr).collect();
    all[2..all.len() - last].to_vec()
}

/// A pool gives out the first and the last one too.
pub fn all_of(cidr: IpNet) -> impl Iterator<Item = IpAddr> {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let (first, last, of_v4) = (number(cidr.network()), number(cidr.broadcast()), cidr.addr().is_ipv4());
    (first..=last).map(move |number| match of_v4 {
        true => IpAddr::V4(u32::try_from(number).unwrap().into()),
        false => IpAddr::V6(number.into()),
    })
}

/// What a list becomes: what goes goes first, what comes and is there already stays. None: something that is to go is not there.
pub fn edited<T: Clone + PartialEq>(list: &[T], added: &[T], removed: &[T]) -> Option<Vec<T>> {
    let mut list = list.to_vec();
    for gone in removed {
        let place = list.iter().position(|one| one == gone)?;
        list.remove(place);
    }
    for new in added {
        if !list.contains(new) {
            list.push(new.clone());
        }
    }
    Some(list)
}

impl World {
    pub fn has<T>(&self, things: &BTreeMap<String, T>, name: &str, by: usize) -> bool {
        self.of(things, name, by).is_some()
    }

    /// What another project has is not there.
    pub fn of<'a, T>(&self, things: &'a BTreeMap<String, T>, name: &str, by: usize) -> Option<&'a T> {
        things.get(name).filter(|_| is_of(name, by))
    }

    /// What people call it.
    pub fn label(&self, name: &str) -> Option<&String> {
        let vpcs = self.vpcs.get(name).or_else(|| self.subnets.get(name).map(|its| &its.label));
        vpcs.or_else(|| self.havips.get(name).map(|its| &its.label))
            .or_else(|| self.eips.get(name).map(|its| &its.label))
    }

    pub fn vpc_of(&self, subnet: &str) -> &str {
        &self.subnets[subnet].vpc
    }

    /// The addresses that something in the VPC has.
    pub fn taken(&self, vpc: &str) -> BTreeSet<IpAddr> {
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
    pub fn free_host(&self, subnet: &Subnet) -> Option<IpAddr> {
        let taken = self.taken(&subnet.vpc);
        let is_free = |host: &IpAddr| !taken.contains(host) && !subnet.reserves(*host);
        hosts(subnet.cidr).into_iter().rev().find(is_free)
    }

    /// The lowest of the pool, or of the first pool that has one of IPv4: of those that cool for the project if there are any,
    /// else of those that nobody has and that don't cool.
    pub fn free_eip(&self, by: usize, pool: Option<usize>) -> Option<IpAddr> {
        let taken: BTreeSet<_> = self.eips.values().map(|its| its.address).collect();
        let free = |address: &IpAddr| !taken.contains(address) && !self.cooling.contains_key(address);
        let kept = |address: &IpAddr| self.cooling.get(address) == Some(&by);
        let pools = self.pools.iter().enumerate();
        let giving = pools.filter(|(number, its)| pool.is_none_or(|pool| pool == *number) && !its.drains);
        let wanted = |address: &IpAddr| pool.is_some() || address.is_ipv4();
        let first = |of: &dyn Fn(&IpAddr) -> bool| {
            giving.clone().find_map(|(_, pool)| {
                let all = pool.cidrs.iter().flat_map(|cidr| all_of(*cidr));
                all.filter(|address| of(address) && wanted(address)).min()
            })
        };
        first(&kept).or_else(|| first(&free))
    }

    /// How much of its quota a project would have with one more EIP: that of an address that it is kept for adds nothing else.
    pub fn eips_with(&self, by: usize, address: Option<IpAddr>) -> u64 {
        let eips = self.eips.keys().filter(|name| is_of(name, by)).count() + 1;
        let kept = || self.cooling.iter().filter(|(_, of)| **of == by).map(|(address, _)| *address);
        let kept = if kept().any(|kept| Some(kept) == address) { 0 } else { kept().count() };
        (eips + kept) as u64
    }

    /// The pool that has the address.
    pub fn pool_of(&self, address: &IpAddr) -> Option<usize> {
        self.pools.iter().position(|pool| pool.has(address))
    }

    /// Whether somebody has the address of a pool, or had it and may have it again.
    pub fn is_somebodys(&self, address: &IpAddr) -> bool {
        self.cooling.contains_key(address) || self.eips.values().any(|its| its.address == *address)
    }
}

impl Pool {
    pub fn has(&self, address: &IpAddr) -> bool {
        self.cidrs.iter().any(|cidr| cidr.contains(address))
    }
}

impl Subnet {
    pub fn reserves(&self, address: IpAddr) -> bool {
        self.reserved.iter().any(|block| block.contains(&address))
    }
}
