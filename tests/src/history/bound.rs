//! One VPC in which as many HAVIPs as asked for have an EIP and a holder, and some more are there to be bound: what a busy
//! region has, and no more events than that takes.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, bail};
use mooring_domain::{
    Event, Expected, Timestamp,
    address::Mac,
    event::{ClaimFacts, Damping, EipDetails, EipFacts, HavipFacts, HolderRules},
    holder::{Command as Holder, Heard, HolderCore},
    id::{EipId, HavipId, PoolId, SubnetId, VnicId, VpcId},
    name::{RegionId, Scope},
    resource::{
        AllocateEip, Command, CreateHavip, CreatePool, CreateSubnet, CreateVnic, CreateVpc, ResourceCore,
        UpdateQuotas,
    },
};
use mooring_event_log::EventLog;

use super::AGO_NANOS;
use super::cores::{Asked, Cores};
use super::world::Pair;

/// Commits in a record.
const TOGETHER: u32 = 100;

/// The addresses that everything gets.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The pool's block.
    pub pool: &'static str,
    /// The subnet's.
    pub subnet: &'static str,
    /// The first EIP; the others follow.
    pub eip: Ipv4Addr,
    /// The first HAVIP; the others follow.
    pub havip: Ipv4Addr,
    /// The vNIC that is every HAVIP's member, and holds it.
    pub vnic: (Ipv4Addr, Mac),
}

/// What waits to be bound.
#[derive(Clone, Debug)]
pub struct Spare {
    /// The EIP's name.
    pub eip: String,
    /// The HAVIP's name.
    pub havip: String,
    /// Their addresses.
    pub addresses: (Ipv4Addr, Ipv4Addr),
}

struct World<'a> {
    cores: Cores<'a>,
    scope: Scope,
    subnet: SubnetId,
    vnic: VnicId,
    addresses: Addresses,
}

/// Writes it into an empty log; what is not bound.
pub async fn write_bound(
    log: &dyn EventLog,
    addresses: Addresses,
    bound: u32,
    spare: u32,
) -> Result<Vec<Spare>> {
    let begin = Timestamp(mooring_ledger::now().0.saturating_sub(AGO_NANOS));
    let mut world = World::make(Cores::new(log, begin, 64), addresses).await?;
    let mut left = Vec::new();
    let mut number = 0;
    while number < bound + spare {
        // A record has what is bound, or what is not.
        let end = if number < bound { bound } else { bound + spare };
        let numbers: Vec<u32> = (number..end.min(number + TOGETHER)).collect();
        number += u32::try_from(numbers.len())?;
        let pairs = world.pairs(&numbers).await?;
        if numbers[0] < bound {
            super::bind(&mut world.cores, &pairs, &mut vec![None; pairs.len()]).await?;
        } else {
            left.extend(pairs.iter().zip(&numbers).map(|(pair, number)| world.spare(pair, *number)));
        }
        world.held(&pairs).await?;
    }
    world.cores.settle().await?;
    Ok(left)
}

impl<'a> World<'a> {
    async fn make(mut cores: Cores<'a>, addresses: Addresses) -> Result<World<'a>> {
        let region: RegionId = "r1".parse()?;
        let scope = Scope { project: "p1".parse()?, region: region.clone() };
        let (pool, vpc) = (PoolId::new(cores.id()), VpcId::new(cores.id()));
        let (subnet, vnic) = (SubnetId::new(cores.id()), VnicId::new(cores.id()));
        let many = Some(10_000_000);
        let commands = [
            Command::CreatePool(CreatePool {
                id: pool,
                region,
                display_name: "public".parse()?,
                cidrs: vec![addresses.pool.parse()?],
                cooling: Duration::ZERO,
            }),
            Command::UpdateQuotas(UpdateQuotas {
                scope: scope.clone(),
                eips: many,
                havips_per_vpc: many,
                havips_per_instance: many,
                members_per_havip: None,
                expected: Expected::default(),
            }),
            Command::CreateVpc(CreateVpc { id: vpc, scope: scope.clone(), display_name: "blue".parse()? }),
            Command::CreateSubnet(CreateSubnet {
                id: subnet,
                scope: scope.clone(),
                display_name: "front".parse()?,
                vpc,
                cidr: addresses.subnet.parse()?,
                gateway_address: None,
                reserved: Vec::new(),
            }),
            Command::CreateVnic(CreateVnic {
                id: vnic,
                scope: scope.clone(),
                instance: "vm-a".parse()?,
                subnet,
                mac: addresses.vnic.1,
                address: addresses.vnic.0.into(),
            }),
        ];
        for command in commands {
            cores.decide::<ResourceCore>(vec![command], Asked::ByClient).await?;
        }
        Ok(World { cores, scope, subnet, vnic, addresses })
    }

    /// These HAVIPs and their EIPs.
    async fn pairs(&mut self, numbers: &[u32]) -> Result<Vec<Pair>> {
        let (mut havips, mut eips) = (Vec::new(), Vec::new());
        let now = self.cores.now();
        for number in numbers {
            havips.push(Command::CreateHavip(CreateHavip {
                id: HavipId::new(self.cores.id()),
                scope: self.scope.clone(),
                display_name: format!("web-{number}").parse()?,
                subnet: self.subnet,
                address: Some(nth(self.addresses.havip, *number).into()),
                members: vec![self.vnic],
                rules: HolderRules { damping: Damping::OFF, ..HolderRules::default() },
            }));
            eips.push(Command::AllocateEip(AllocateEip {
                id: EipId::new(self.cores.id()),
                scope: self.scope.clone(),
                display_name: None,
                address: Some(nth(self.addresses.eip, *number).into()),
                pool: None,
                details: EipDetails::default(),
                now,
            }));
        }
        let havips = self.cores.decide::<ResourceCore>(havips, Asked::ByClient).await?;
        let eips = self.cores.decide::<ResourceCore>(eips, Asked::ByClient).await?;
        let pairs = eips.into_iter().zip(havips).map(|both| match both {
            (Event::EipAllocated(eip), Event::HavipCreated(havip)) => Ok(pair(eip.eip, havip.havip)),
            other => bail!("an EIP and a HAVIP came out as {other:?}"),
        });
        pairs.collect()
    }

    /// The vNIC announces them.
    async fn held(&mut self, pairs: &[Pair]) -> Result<()> {
        let (gateway, now) = ("gw-1".parse()?, self.cores.now());
        let claim = ClaimFacts { gateway, number: now.0, mac: self.addresses.vnic.1, observed_at: now };
        let claims = pairs.iter().map(|pair| Holder::Claim {
            vpc: pair.havip.vpc,
            address: pair.havip.address,
            claim: claim.clone(),
            heard: Heard::default(),
            now,
        });
        self.cores.decide::<HolderCore>(claims.collect(), Asked::ByService).await?;
        Ok(())
    }

    fn spare(&self, pair: &Pair, number: u32) -> Spare {
        Spare {
            eip: pair.eip_name().to_string(),
            havip: pair.havip_name().to_string(),
            addresses: (nth(self.addresses.eip, number), nth(self.addresses.havip, number)),
        }
    }
}

fn pair(eip: EipFacts, havip: HavipFacts) -> Pair {
    Pair { eip, havip, members: Vec::new() }
}

fn nth(first: Ipv4Addr, number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(first.to_bits() + number)
}
