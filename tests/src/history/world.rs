//! What a history begins with: pools, VPCs with a subnet each, instances, HAVIPs with two members, EIPs.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Result, bail};
use mooring_domain::{
    Event, Expected,
    address::Mac,
    event::{Damping, EipDetails, EipFacts, HavipFacts, HolderRules, VnicFacts},
    id::{self, EipId, HavipId, PoolId, SubnetId, VnicId, VpcId},
    name::{Name, RegionId, Scope},
    resource::{
        AllocateEip, Command, CreateHavip, CreatePool, CreateSubnet, CreateVnic, CreateVpc, ResourceCore,
        UpdateQuotas,
    },
};

use super::{
    BULK, TOGETHER,
    cores::{Asked, Cores},
};

const REGION: &str = "r1";

/// How a world is laid out.
pub(super) struct Shape {
    /// HAVIPs in a VPC.
    in_a_vpc: usize,
    /// Things that are made in a record.
    together: usize,
    /// Where EIPs come from.
    pool: &'static str,
    /// The subnet of each VPC. Instances are in its first part, two for a HAVIP.
    subnet: &'static str,
    /// The first HAVIP; nothing: the lowest that is free.
    first: Option<Ipv4Addr>,
}

/// Many VPCs with a few HAVIPs each.
pub(super) const MANY: Shape = Shape {
    in_a_vpc: 100,
    together: TOGETHER,
    // Addresses for benchmarks (RFC 2544): 131 072 of them.
    pool: "198.18.0.0/15",
    subnet: "10.0.0.0/16",
    first: None,
};

/// One VPC with all of them, eight million at most.
pub(super) const ONE: Shape = Shape {
    in_a_vpc: usize::MAX,
    together: BULK,
    pool: "100.64.0.0/10",
    subnet: "10.0.0.0/8",
    first: Some(Ipv4Addr::new(10, 128, 0, 0)),
};

/// An EIP and the HAVIP that it fronts now and then.
pub(super) struct Pair {
    pub(super) eip: EipFacts,
    pub(super) havip: HavipFacts,
    pub(super) members: Vec<VnicFacts>,
}

impl Pair {
    pub(super) fn eip_name(&self) -> Name<id::Eip> {
        Name { scope: scope_of(&self.eip), id: self.eip.id }
    }

    pub(super) fn havip_name(&self) -> Name<id::Havip> {
        Name { scope: scope_of(&self.eip), id: self.havip.id }
    }
}

/// Owner and region.
pub(super) fn scope_of(eip: &EipFacts) -> Scope {
    Scope { project: eip.project.clone(), region: eip.region.clone() }
}

/// Makes so many pairs, in as many projects as there are VPCs.
pub(super) async fn make(cores: &mut Cores<'_>, shape: &Shape, count: usize) -> Result<Vec<Pair>> {
    let region: RegionId = REGION.parse()?;
    let id = PoolId::new(cores.id());
    let pool = CreatePool {
        id,
        region: region.clone(),
        display_name: "public".parse()?,
        cidrs: vec![shape.pool.parse()?],
        cooling: Duration::ZERO,
    };
    cores.decide::<ResourceCore>(vec![Command::CreatePool(pool)], Asked::ByClient).await?;
    let mut pairs = Vec::with_capacity(count);
    let mut vpc = 0;
    while pairs.len() < count {
        let scope = Scope { project: format!("p{vpc}").parse()?, region: region.clone() };
        let subnet = network(cores, &scope, shape.subnet).await?;
        let wanted = shape.in_a_vpc.min(count - pairs.len());
        let numbers: Vec<_> = (0..u32::try_from(wanted)?).collect();
        for numbers in numbers.chunks(shape.together) {
            pairs.extend(some(cores, &scope, (subnet, shape.first), numbers).await?);
        }
        vpc += 1;
    }
    Ok(pairs)
}

/// A VPC and its subnet.
async fn network(cores: &mut Cores<'_>, scope: &Scope, cidr: &str) -> Result<SubnetId> {
    let many = Some(1_000_000);
    let raise = UpdateQuotas {
        scope: scope.clone(),
        eips: many,
        havips_per_vpc: many,
        havips_per_instance: many,
        members_per_havip: None,
        expected: Expected::default(),
    };
    cores.decide::<ResourceCore>(vec![Command::UpdateQuotas(raise)], Asked::ByClient).await?;
    let (vpc, subnet) = (VpcId::new(cores.id()), SubnetId::new(cores.id()));
    let create = CreateVpc { id: vpc, scope: scope.clone(), display_name: "blue".parse()? };
    cores.decide::<ResourceCore>(vec![Command::CreateVpc(create)], Asked::ByClient).await?;
    let create = CreateSubnet {
        id: subnet,
        scope: scope.clone(),
        display_name: "front".parse()?,
        vpc,
        cidr: cidr.parse()?,
        gateway_address: None,
        reserved: Vec::new(),
    };
    cores.decide::<ResourceCore>(vec![Command::CreateSubnet(create)], Asked::ByClient).await?;
    Ok(subnet)
}

/// Some pairs in a subnet, each kind in records of its own.
async fn some(
    cores: &mut Cores<'_>,
    scope: &Scope,
    (subnet, first): (SubnetId, Option<Ipv4Addr>),
    numbers: &[u32],
) -> Result<Vec<Pair>> {
    let mut members = Vec::new();
    for side in 0..2 {
        members.push(instances(cores, scope, subnet, numbers, side).await?);
    }
    let havips = havips(cores, scope, (subnet, first), numbers, &members).await?;
    let eips = eips(cores, scope, numbers.len()).await?;
    let pairs = havips.into_iter().zip(eips).enumerate();
    Ok(pairs
        .map(|(n, (havip, eip))| Pair {
            eip,
            havip,
            members: members.iter().map(|side| side[n].clone()).collect(),
        })
        .collect())
}

async fn instances(
    cores: &mut Cores<'_>,
    scope: &Scope,
    subnet: SubnetId,
    numbers: &[u32],
    side: u32,
) -> Result<Vec<VnicFacts>> {
    let mut commands = Vec::new();
    for number in numbers {
        let own = 256 + number * 2 + side;
        let [highest, higher, high, low] = own.to_be_bytes();
        commands.push(Command::CreateVnic(CreateVnic {
            id: VnicId::new(cores.id()),
            scope: scope.clone(),
            instance: format!("vm-{number}-{side}").parse()?,
            subnet,
            mac: Mac([2, 0, highest, higher, high, low]),
            address: Ipv4Addr::from(0x0a00_0000 + own).into(),
        }));
    }
    let happened = cores.decide::<ResourceCore>(commands, Asked::ByClient).await?;
    let vnics = happened.into_iter().map(|event| match event {
        Event::VnicCreated(created) => Ok(created.vnic),
        other => bail!("a vNIC came out as {other:?}"),
    });
    vnics.collect()
}

async fn havips(
    cores: &mut Cores<'_>,
    scope: &Scope,
    (subnet, first): (SubnetId, Option<Ipv4Addr>),
    numbers: &[u32],
    members: &[Vec<VnicFacts>],
) -> Result<Vec<HavipFacts>> {
    let mut commands = Vec::new();
    for (n, number) in numbers.iter().enumerate() {
        commands.push(Command::CreateHavip(CreateHavip {
            id: HavipId::new(cores.id()),
            scope: scope.clone(),
            display_name: format!("web-{number}").parse()?,
            subnet,
            address: first.map(|first| Ipv4Addr::from_bits(first.to_bits() + number).into()),
            members: members.iter().map(|side| side[n].id).collect(),
            // Rounds of failovers follow each other at once.
            rules: HolderRules { damping: Damping::OFF, ..HolderRules::default() },
        }));
    }
    let happened = cores.decide::<ResourceCore>(commands, Asked::ByClient).await?;
    let havips = happened.into_iter().map(|event| match event {
        Event::HavipCreated(created) => Ok(created.havip),
        other => bail!("a HAVIP came out as {other:?}"),
    });
    havips.collect()
}

async fn eips(cores: &mut Cores<'_>, scope: &Scope, count: usize) -> Result<Vec<EipFacts>> {
    let now = cores.now();
    let commands = (0..count).map(|_| {
        let id = EipId::new(cores.id());
        Command::AllocateEip(AllocateEip {
            id,
            scope: scope.clone(),
            display_name: None,
            address: None,
            pool: None,
            details: EipDetails::default(),
            now,
        })
    });
    let commands = commands.collect();
    let happened = cores.decide::<ResourceCore>(commands, Asked::ByClient).await?;
    let eips = happened.into_iter().map(|event| match event {
        Event::EipAllocated(described) => Ok(described.eip),
        other => bail!("an EIP came out as {other:?}"),
    });
    eips.collect()
}
