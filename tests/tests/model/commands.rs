//! Every write there is, with arguments that are right as often as they are wrong.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fastrand::Rng;
use ipnet::IpNet;
use uuid::Uuid;

use crate::world::{Limits, PROJECTS, World, hosts, is_of};

/// A write, by a member of a project; of its quotas and of pools, by the operator. Things are named by their ids.
#[derive(Clone, Debug)]
pub struct Command {
    /// Number of the project that asks.
    pub by: usize,
    pub what: What,
    /// What is asked for by a display name or an address instead, and by which.
    pub called: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub enum What {
    UpdateQuotas {
        limits: Limits,
    },
    /// `pool` is its number.
    UpdatePool {
        pool: usize,
        added: Vec<IpNet>,
        removed: Vec<IpNet>,
        revision: u64,
    },
    DrainPool {
        pool: usize,
        revision: u64,
    },
    ResumePool {
        pool: usize,
        revision: u64,
    },
    CreateVpc {
        label: String,
    },
    CreateSubnet {
        vpc: String,
        label: String,
        cidr: IpNet,
        reserved: Vec<IpNet>,
    },
    UpdateSubnet {
        subnet: String,
        label: Option<String>,
        added: Vec<IpNet>,
        removed: Vec<IpNet>,
        revision: u64,
    },
    CreateVnic {
        subnet: String,
        instance: String,
        mac: u8,
        address: IpAddr,
    },
    CreateHavip {
        subnet: String,
        label: String,
        address: Option<IpAddr>,
        members: Vec<String>,
        open: bool,
    },
    DeleteVpc {
        vpc: String,
    },
    DeleteSubnet {
        subnet: String,
    },
    DeleteVnic {
        vnic: String,
    },
    /// `revision` 0: whatever it is. So in all that follow.
    UpdateHavip {
        havip: String,
        label: Option<String>,
        members: Option<Vec<String>>,
        /// On top of that.
        added: Vec<String>,
        removed: Vec<String>,
        open: Option<bool>,
        revision: u64,
    },
    DeleteHavip {
        havip: String,
        revision: u64,
    },
    AllocateEip {
        label: Option<String>,
        address: Option<IpAddr>,
        pool: Option<usize>,
    },
    UpdateEip {
        eip: String,
        label: Option<String>,
        protected: Option<bool>,
        revision: u64,
    },
    ReleaseEip {
        eip: String,
        revision: u64,
    },
    Bind {
        eip: String,
        havip: String,
    },
    Move {
        eip: String,
        havip: String,
        revision: u64,
    },
    Unbind {
        eip: String,
        revision: u64,
    },
}

impl What {
    /// What it names that has a name of its own for people.
    fn names(&self) -> Vec<&String> {
        match self {
            Self::UpdateSubnet { subnet: it, .. }
            | Self::CreateHavip { subnet: it, .. }
            | Self::CreateVnic { subnet: it, .. }
            | Self::CreateSubnet { vpc: it, .. }
            | Self::DeleteVpc { vpc: it }
            | Self::DeleteSubnet { subnet: it }
            | Self::UpdateHavip { havip: it, .. }
            | Self::DeleteHavip { havip: it, .. }
            | Self::UpdateEip { eip: it, .. }
            | Self::ReleaseEip { eip: it, .. }
            | Self::Unbind { eip: it, .. } => vec![it],
            Self::Bind { eip, havip } | Self::Move { eip, havip, .. } => vec![eip, havip],
            _ => Vec::new(),
        }
    }
}

const CIDRS: [&str; 7] = [
    "10.0.0.0/28",
    "10.0.0.0/24",
    "10.0.1.0/29",
    "10.0.1.8/29",
    "192.168.0.0/29",
    "fd00::/125",
    "fd00::8/125",
];
/// What may be reserved of them, or not.
const RESERVED: [&str; 6] =
    ["10.0.0.8/30", "10.0.0.8/32", "10.0.1.6/31", "192.168.0.4/30", "fd00::4/126", "fd00::f/128"];
/// What pools have, or may have: some overlap, one has bits after its prefix.
const BLOCKS: [&str; 8] = [
    "203.0.113.24/29",
    "203.0.113.0/29",
    "203.0.113.8/29",
    "203.0.113.0/28",
    "198.51.100.0/30",
    "198.51.100.1/30",
    "2001:db8::/126",
    "2001:db8::4/126",
];
const LABELS: [&str; 6] = ["red", "green", "blue", "black", "white", "pink"];

/// Picks arguments.
pub struct Chooser<'a> {
    pub rng: &'a mut Rng,
    pub world: &'a World,
    pub by: usize,
}

impl Chooser<'_> {
    pub fn command(&mut self) -> Command {
        let what = match self.rng.u8(..100) {
            0 => What::UpdateQuotas { limits: self.limits() },
            1..3 => What::CreateVpc { label: self.label() },
            3 => self.change_pool(),
            4..9 => What::CreateSubnet {
                vpc: self.vpc(),
                label: self.label(),
                cidr: self.block(&CIDRS),
                reserved: self.blocks(&RESERVED),
            },
            9 => self.update_subnet(),
            10..17 => {
                let subnet = self.subnet();
                let (instance, mac, address) = (self.label(), self.rng.u8(..12), self.private(&subnet));
                What::CreateVnic { subnet, instance, mac, address }
            }
            17..24 => self.create_havip(),
            24..27 => self.update_havip(),
            27..31 => {
                let havip = self.havip();
                What::DeleteHavip {
                    revision: self.revision(self.world.havips.get(&havip).map(|h| h.revision)),
                    havip,
                }
            }
            31 => What::DeleteVpc { vpc: self.vpc() },
            32..34 => What::DeleteSubnet { subnet: self.subnet() },
            34 => What::DeleteVnic { vnic: self.name("vnics", self.world.vnics.keys()) },
            35..42 => What::AllocateEip {
                label: self.maybe(Self::label),
                address: self.maybe(Self::public),
                pool: self.maybe(|it| it.rng.usize(..it.world.pools.len())),
            },
            42..48 => {
                let eip = self.eip();
                What::UpdateEip {
                    label: self.maybe(Self::label),
                    protected: self.maybe(|it| it.rng.u8(..3) == 0),
                    revision: self.eip_revision(&eip),
                    eip,
                }
            }
            48..56 => {
                let eip = self.eip();
                What::ReleaseEip { revision: self.eip_revision(&eip), eip }
            }
            56..76 => What::Bind { eip: self.eip(), havip: self.havip() },
            76..87 => {
                let eip = self.eip();
                What::Move { havip: self.havip(), revision: self.bound_revision(&eip), eip }
            }
            87..89 => self.change_pool(),
            89 => self.update_subnet(),
            _ => {
                let eip = self.eip();
                What::Unbind { revision: self.bound_revision(&eip), eip }
            }
        };
        Command { by: self.by, called: self.called(&what), what }
    }

    /// Now and then people say what a thing of their own is called, or an EIP's address.
    fn called(&mut self, what: &What) -> BTreeMap<String, String> {
        let mut called = BTreeMap::new();
        for name in what.names().into_iter().filter(|name| is_of(name, self.by)) {
            let address = self.world.eips.get(name).map(|its| its.address.to_string());
            let label = self.world.label(name).cloned();
            let said = match self.rng.u8(..6) {
                0 => label,
                1 => address.or(label),
                _ => None,
            };
            let parent = name.rsplit_once('/').unwrap().0;
            called.extend(said.map(|said| (name.clone(), format!("{parent}/{said}"))));
        }
        called
    }

    fn change_pool(&mut self) -> What {
        let pool = self.rng.usize(..self.world.pools.len());
        let its = &self.world.pools[pool];
        let revision = self.revision(Some(its.revision));
        match self.rng.u8(..5) {
            0 => What::DrainPool { pool, revision },
            1..3 => What::ResumePool { pool, revision },
            _ => {
                let removed = self.some_of(&its.cidrs, &BLOCKS);
                What::UpdatePool { pool, added: self.blocks(&BLOCKS), removed, revision }
            }
        }
    }

    fn update_subnet(&mut self) -> What {
        let subnet = self.subnet();
        let its = self.world.subnets.get(&subnet);
        let there = its.map(|its| its.reserved.clone()).unwrap_or_default();
        What::UpdateSubnet {
            label: self.maybe(Self::label),
            added: self.blocks(&RESERVED),
            removed: self.some_of(&there, &RESERVED),
            revision: self.revision(its.map(|its| its.revision)),
            subnet,
        }
    }

    fn block(&mut self, of: &[&str]) -> IpNet {
        of[self.rng.usize(..of.len())].parse().unwrap()
    }

    /// None more often than one, hardly ever two.
    fn blocks(&mut self, of: &[&str]) -> Vec<IpNet> {
        (0..self.rng.u8(..5).saturating_sub(2)).map(|_| self.block(of)).collect()
    }

    /// Mostly nothing; else one that is there, now and then another.
    fn some_of(&mut self, there: &[IpNet], others: &[&str]) -> Vec<IpNet> {
        match self.rng.u8(..8) {
            0 => vec![self.block(others)],
            1..3 => self.rng.choice(there).into_iter().copied().collect(),
            _ => Vec::new(),
        }
    }

    /// Now and then less than there is.
    fn limits(&mut self) -> Limits {
        Limits {
            eips: self.rng.u64(..15),
            havips_per_vpc: self.rng.u64(..8),
            havips_per_instance: self.rng.u64(..5),
            members_per_havip: self.rng.u64(..5),
        }
    }

    fn create_havip(&mut self) -> What {
        let subnet = self.subnet();
        let members = (0..self.rng.usize(..3)).map(|_| self.member(&subnet)).collect();
        let open = self.rng.u8(..4) == 0;
        let address = self.maybe(|it| it.private(&subnet));
        What::CreateHavip { label: self.label(), address, members, open, subnet }
    }

    fn update_havip(&mut self) -> What {
        let havip = self.havip();
        let its = self.world.havips.get(&havip);
        let (subnet, revision) = its.map(|its| (its.subnet.clone(), its.revision)).unzip();
        let subnet = subnet.unwrap_or_default();
        let members = self.maybe(|it| (0..it.rng.usize(..3)).map(|_| it.member(&subnet)).collect());
        let there = members.clone().or_else(|| its.map(|its| its.members.clone())).unwrap_or_default();
        let added = self.rng.u8(..3).saturating_sub(1);
        let added = (0..added).map(|_| self.member(&subnet)).collect();
        let removed = match self.rng.u8(..6) {
            0 => vec![self.member(&subnet)],
            1..3 => self.rng.choice(&there).into_iter().cloned().collect(),
            _ => Vec::new(),
        };
        What::UpdateHavip {
            label: self.maybe(Self::label),
            members,
            added,
            removed,
            open: self.maybe(|it| it.rng.bool()),
            revision: self.revision(revision),
            havip,
        }
    }

    /// Mostly of that subnet.
    fn member(&mut self, subnet: &str) -> String {
        let of_it = self.world.vnics.iter().filter(|(_, vnic)| vnic.subnet == subnet);
        let of_it: Vec<_> = of_it.map(|(name, _)| name.clone()).collect();
        match self.rng.u8(..4) {
            0 => self.name("vnics", self.world.vnics.keys()),
            _ => self.rng.choice(of_it).unwrap_or_else(|| self.nobody("vnics")),
        }
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.usize(..of.len())]
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.rng.bool().then(|| value(self))
    }

    fn label(&mut self) -> String {
        self.one(&LABELS).to_owned()
    }

    /// Mostly of that subnet.
    fn private(&mut self, subnet: &str) -> IpAddr {
        let hosts = self.world.subnets.get(subnet).map(|its| hosts(its.cidr)).unwrap_or_default();
        let of_it = self.rng.choice(hosts.into_iter().take(14).collect::<Vec<_>>());
        if let Some(address) = of_it.filter(|_| self.rng.u8(..4) > 0) {
            return address;
        }
        if self.rng.u8(..4) == 0 {
            return IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, self.rng.u16(..16)]);
        }
        let net = self.one(&[[10, 0, 0], [10, 0, 1], [192, 168, 0]]);
        IpAddr::from([net[0], net[1], net[2], self.rng.u8(..16)])
    }

    fn public(&mut self) -> IpAddr {
        let end = self.rng.u8(..34);
        match self.rng.u8(..8) {
            0 => IpAddr::from([198, 51, 100, end % 5]),
            1..3 => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(end % 9)]),
            _ => IpAddr::from([203, 0, 113, end]),
        }
    }

    fn vpc(&mut self) -> String {
        self.name("vpcs", self.world.vpcs.keys())
    }

    fn subnet(&mut self) -> String {
        self.name("subnets", self.world.subnets.keys())
    }

    fn havip(&mut self) -> String {
        self.name("havips", self.world.havips.keys())
    }

    fn eip(&mut self) -> String {
        self.name("eips", self.world.eips.keys())
    }

    /// Mostly one of the project's own; else another's, another's said to be its own, what was deleted, or nobody's.
    fn name<'n>(&mut self, collection: &str, there: impl Iterator<Item = &'n String>) -> String {
        let scope = format!("{}/", PROJECTS[self.by].scope);
        let (own, others): (Vec<_>, Vec<_>) = there.cloned().partition(|name| name.starts_with(&scope));
        let picked = match self.rng.u8(..24) {
            0 => self.rng.choice(others),
            1 => {
                let theirs = self.rng.choice(others);
                theirs.map(|name| name.replace(PROJECTS[1 - self.by].scope, PROJECTS[self.by].scope))
            }
            2 => {
                let gone = self.world.gone.iter().filter(|name| name.contains(collection));
                self.rng.choice(gone.cloned().collect::<Vec<_>>())
            }
            3 => None,
            _ => self.rng.choice(own),
        };
        picked.unwrap_or_else(|| self.nobody(collection))
    }

    fn nobody(&self, collection: &str) -> String {
        format!("{}/{collection}/{}", PROJECTS[self.by].scope, Uuid::nil())
    }

    /// Mostly not asked for; else the right one, or one that is not.
    fn revision(&mut self, now: Option<u64>) -> u64 {
        match self.rng.u8(..6) {
            0 => now.unwrap_or(1),
            1 => now.unwrap_or(1) + 1,
            _ => 0,
        }
    }

    fn eip_revision(&mut self, eip: &str) -> u64 {
        self.revision(self.world.eips.get(eip).map(|eip| eip.revision))
    }

    fn bound_revision(&mut self, eip: &str) -> u64 {
        self.revision(self.world.bound.get(eip).map(|bound| bound.revision))
    }
}
