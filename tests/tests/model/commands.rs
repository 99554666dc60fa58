//! Every write there is, with arguments that are right as often as they are wrong.

use std::net::Ipv4Addr;

use fastrand::Rng;
use uuid::Uuid;

use crate::world::{Limits, PROJECTS, World};

/// A write, by a member of a project; of its quotas, by the operator. Things are named in full.
#[derive(Clone, Debug)]
pub struct Command {
    /// Number of the project that asks.
    pub by: usize,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    UpdateQuotas {
        limits: Limits,
    },
    CreateVpc {
        label: String,
    },
    CreateSubnet {
        vpc: String,
        label: String,
        cidr: &'static str,
    },
    CreateVnic {
        subnet: String,
        instance: String,
        mac: u8,
        address: Ipv4Addr,
    },
    CreateHavip {
        subnet: String,
        label: String,
        address: Option<Ipv4Addr>,
        members: Vec<String>,
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
        revision: u64,
    },
    DeleteHavip {
        havip: String,
        revision: u64,
    },
    AllocateEip {
        label: Option<String>,
        address: Option<Ipv4Addr>,
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

const CIDRS: [&str; 5] = ["10.0.0.0/28", "10.0.0.0/24", "10.0.1.0/29", "10.0.1.8/29", "192.168.0.0/29"];
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
            1..4 => What::CreateVpc { label: self.label() },
            4..10 => What::CreateSubnet { vpc: self.vpc(), label: self.label(), cidr: self.one(&CIDRS) },
            10..17 => What::CreateVnic {
                subnet: self.subnet(),
                instance: self.label(),
                mac: self.rng.u8(..12),
                address: self.private(),
            },
            17..24 => self.create_havip(),
            24..26 => self.update_havip(),
            26..31 => {
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
            76..88 => {
                let eip = self.eip();
                What::Move { havip: self.havip(), revision: self.bound_revision(&eip), eip }
            }
            _ => {
                let eip = self.eip();
                What::Unbind { revision: self.bound_revision(&eip), eip }
            }
        };
        Command { by: self.by, what }
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
        What::CreateHavip { label: self.label(), address: self.maybe(Self::private), members, subnet }
    }

    fn update_havip(&mut self) -> What {
        let havip = self.havip();
        let its = self.world.havips.get(&havip);
        let (subnet, revision) = its.map(|its| (its.subnet.clone(), its.revision)).unzip();
        let subnet = subnet.unwrap_or_default();
        let members = self.maybe(|it| (0..it.rng.usize(..3)).map(|_| it.member(&subnet)).collect());
        What::UpdateHavip {
            label: self.maybe(Self::label),
            members,
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

    fn private(&mut self) -> Ipv4Addr {
        let net = self.one(&[[10, 0, 0], [10, 0, 1], [192, 168, 0]]);
        Ipv4Addr::new(net[0], net[1], net[2], self.rng.u8(..16))
    }

    fn public(&mut self) -> Ipv4Addr {
        let end = self.rng.u8(..26);
        Ipv4Addr::new(203, 0, 113, end)
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
