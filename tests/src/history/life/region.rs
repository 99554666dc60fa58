//! What a life begins with, and what there is of each kind by now.

use std::{collections::VecDeque, time::Duration};

use anyhow::Result;
use fastrand::Rng;
use mooring_domain::{
    Event, Expected,
    address::Mac,
    event::{BindRequested, EipFacts, HavipCreated, PoolCreated, SubnetCreated, VnicCreated, VpcCreated},
    id::{PoolId, SubnetId, VpcId},
    name::Scope,
    resource::{Command, CreatePool, CreateSubnet, CreateVpc, UpdateQuotas},
};

use super::asked::Commands;
use crate::history::cores::Cores;

pub(super) const REGION: &str = "r1";
const PROJECTS: [&str; 2] = ["shop", "bank"];
/// Of whom a region's VPCs are, and what they are called.
const VPCS: [(&str, &str); 3] = [("shop", "blue"), ("shop", "red"), ("bank", "blue")];
/// Requests that somebody may still send messages about.
const REMEMBERED: usize = 64;

/// What is known of the region by those who ask for something.
pub(super) struct Region {
    pub(super) rng: Rng,
    pub(super) pools: Vec<PoolCreated>,
    pub(super) vpcs: Vec<VpcCreated>,
    pub(super) subnets: Vec<SubnetCreated>,
    pub(super) vnics: Vec<VnicCreated>,
    pub(super) havips: Vec<HavipCreated>,
    pub(super) eips: Vec<EipFacts>,
    pub(super) requests: VecDeque<BindRequested>,
    /// Grows with each new MAC, and each new name.
    counter: u32,
}

impl Region {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            pools: Vec::new(),
            vpcs: Vec::new(),
            subnets: Vec::new(),
            vnics: Vec::new(),
            havips: Vec::new(),
            eips: Vec::new(),
            requests: VecDeque::new(),
            counter: 0,
        }
    }

    /// Pools of both families, VPCs, and subnets in each: all have the same private blocks.
    pub(super) fn beginning(&mut self, cores: &mut Cores<'_>) -> Result<Vec<Commands>> {
        let pools =
            [("small", "203.0.113.0/28", 60), ("large", "198.18.0.0/24", 5), ("six", "2001:db8:5::/120", 0)];
        let mut all: Vec<Command> = Vec::new();
        for (name, cidr, cooling) in pools {
            let id = PoolId::new(cores.id());
            let (display_name, cidrs) = (name.parse()?, vec![cidr.parse()?]);
            let (region, cooling) = (REGION.parse()?, Duration::from_mins(cooling));
            all.push(Command::CreatePool(CreatePool { id, region, display_name, cidrs, cooling }));
        }
        for project in PROJECTS {
            all.push(Command::UpdateQuotas(UpdateQuotas {
                scope: Scope { project: project.parse()?, region: REGION.parse()? },
                // Now and then that is too few.
                eips: Some(60),
                havips_per_vpc: Some(45),
                havips_per_instance: Some(30),
                members_per_havip: None,
                expected: Expected::default(),
            }));
        }
        for (project, name) in VPCS {
            let vpc = VpcId::new(cores.id());
            let scope = Scope { project: project.parse()?, region: REGION.parse()? };
            let (id, scope_of, display_name) = (vpc, scope.clone(), name.parse()?);
            all.push(Command::CreateVpc(CreateVpc { id, scope: scope_of, display_name }));
            for (subnet, cidr) in
                [("front", "10.0.1.0/24"), ("back", "10.0.2.0/24"), ("six", "2001:db8:1::/64")]
            {
                all.push(Command::CreateSubnet(CreateSubnet {
                    id: SubnetId::new(cores.id()),
                    scope: scope.clone(),
                    display_name: format!("{name}-{subnet}").parse()?,
                    vpc,
                    cidr: cidr.parse()?,
                    gateway_address: None,
                    reserved: Vec::new(),
                }));
            }
        }
        Ok(all.chunks(4).map(|some| Commands::Resource(some.to_vec())).collect())
    }

    /// What came of what was asked.
    pub(super) fn happened(&mut self, event: &Event) {
        match event {
            Event::PoolCreated(pool) => self.pools.push(pool.clone()),
            Event::PoolUpdated(now) => {
                let same = self.pools.iter_mut().filter(|pool| pool.id == now.id);
                same.for_each(|pool| pool.clone_from(now));
            }
            Event::PoolDeleted(gone) => self.pools.retain(|pool| pool.id != gone.id),
            Event::VpcCreated(vpc) => self.vpcs.push(vpc.clone()),
            Event::VpcDeleted(gone) => self.vpcs.retain(|vpc| vpc.id != gone.id),
            Event::SubnetUpdated(now) => {
                let same = self.subnets.iter_mut().filter(|subnet| subnet.id == now.id);
                same.for_each(|subnet| subnet.clone_from(now));
            }
            Event::SubnetDeleted(gone) => self.subnets.retain(|subnet| subnet.id != gone.id),
            Event::VnicDeleted(gone) => self.vnics.retain(|vnic| vnic.vnic.id != gone.vnic.id),
            Event::SubnetCreated(subnet) => self.subnets.push(subnet.clone()),
            Event::VnicCreated(vnic) => self.vnics.push(vnic.clone()),
            Event::HavipCreated(havip) => self.havips.push(havip.clone()),
            Event::HavipUpdated(now) => {
                let same = self.havips.iter_mut().filter(|havip| havip.havip.id == now.havip.id);
                same.for_each(|havip| havip.clone_from(now));
            }
            Event::HavipDeleted(gone) => self.havips.retain(|havip| havip.havip.id != gone.id),
            Event::EipAllocated(described) => self.eips.push(described.eip.clone()),
            Event::EipReleased(gone) => self.eips.retain(|eip| eip.id != gone.eip.id),
            Event::BindRequested(request) => {
                self.requests.push_back(request.clone());
                if self.requests.len() > REMEMBERED {
                    self.requests.pop_front();
                }
            }
            _ => {}
        }
    }

    /// A number that nobody had.
    pub(super) fn number(&mut self) -> u32 {
        self.counter += 1;
        self.counter
    }

    /// A MAC that nobody had.
    pub(super) fn mac(&mut self) -> Mac {
        let [a, b, c, d] = self.number().to_be_bytes();
        Mac([2, 0, a, b, c, d])
    }

    /// One of these, unless there is none.
    pub(super) fn any<T: Clone>(rng: &mut Rng, all: &[T]) -> Option<T> {
        rng.choice(all).cloned()
    }
}
