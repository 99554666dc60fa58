//! VPCs and subnets that come late and go again, and vNICs that go: asked for whatever is in them.

use std::net::IpAddr;

use anyhow::Result;
use ipnet::IpNet;
use mooring_domain::{
    Expected,
    event::SubnetCreated,
    id::{SubnetId, VpcId},
    name::Scope,
    resource::{Command, CreateSubnet, CreateVpc, Delete, SubnetChange, UpdateSubnet},
};

use super::region::{REGION, Region};
use crate::history::cores::Cores;

/// What the names of those begin with that may go again: a region always has where to make a HAVIP.
pub const LATE: &str = "late-";
/// As many of them as there are at once.
const VPCS: usize = 4;

/// Something comes or goes.
pub(super) fn come_or_go(region: &mut Region, cores: &mut Cores<'_>) -> Result<Option<Command>> {
    let vpcs = late(&region.vpcs, |vpc| vpc.display_name.as_str());
    let subnets = late(&region.subnets, |subnet| subnet.display_name.as_str());
    let rng = &mut region.rng;
    Ok(match rng.u32(0..8) {
        0 if vpcs.len() < VPCS => {
            let (project, id) = (if rng.bool() { "shop" } else { "bank" }, VpcId::new(cores.id()));
            let scope = Scope { project: project.parse()?, region: REGION.parse()? };
            let display_name = format!("{LATE}{}", region.number()).parse()?;
            Some(Command::CreateVpc(CreateVpc { id, scope, display_name }))
        }
        // Those behind them stay empty, so that one can go.
        1 | 2 => match Region::any(rng, &vpcs[..vpcs.len().min(2)]) {
            None => None,
            Some(vpc) => {
                let cidr = format!("10.0.{}.0/24", rng.u8(0..4)).parse()?;
                let display_name = format!("{LATE}{}", region.number()).parse()?;
                let (scope, id) =
                    (Scope { project: vpc.project, region: vpc.region }, SubnetId::new(cores.id()));
                let (vpc, gateway_address) = (vpc.id, None);
                Some(Command::CreateSubnet(CreateSubnet {
                    id,
                    scope,
                    display_name,
                    vpc,
                    cidr,
                    gateway_address,
                    reserved: Vec::new(),
                }))
            }
        },
        3 => Region::any(rng, &vpcs).map(|vpc| {
            let scope = Scope { project: vpc.project, region: vpc.region };
            Command::DeleteVpc(Delete { scope, id: vpc.id, expected: Expected::default() })
        }),
        4 => match Region::any(rng, &region.subnets) {
            None => None,
            Some(subnet) if subnet.cidr.addr().is_ipv6() => None,
            Some(subnet) => {
                let last = rng.u8(0..32) * 8;
                let block = IpNet::new(first(subnet.cidr.network(), last), 29)?;
                let reserved = if rng.bool() { vec![block] } else { Vec::new() };
                let change = SubnetChange { reserved: Some(reserved), ..SubnetChange::default() };
                let scope = Scope { project: subnet.project, region: subnet.region };
                let (id, expected) = (subnet.id, Expected::default());
                Some(Command::UpdateSubnet(UpdateSubnet { scope, id, expected, change }))
            }
        },
        5 => Region::any(rng, &subnets).map(|subnet| {
            let scope = Scope { project: subnet.project, region: subnet.region };
            Command::DeleteSubnet(Delete { scope, id: subnet.id, expected: Expected::default() })
        }),
        _ => Region::any(rng, &region.vnics).map(|vnic| {
            let scope = Scope { project: vnic.project, region: vnic.region };
            Command::DeleteVnic(Delete { scope, id: vnic.vnic.id, expected: Expected::default() })
        }),
    })
}

/// An address of the same /24.
fn first(network: IpAddr, last: u8) -> IpAddr {
    match network {
        IpAddr::V4(v4) => IpAddr::from([v4.octets()[0], v4.octets()[1], v4.octets()[2], last]),
        IpAddr::V6(v6) => v6.into(),
    }
}

/// The subnets in which vNICs and HAVIPs come. Half of those that may go again stay empty, so that one can.
pub(super) fn inhabited(region: &Region) -> Vec<SubnetCreated> {
    let stays_empty = |subnet: &&SubnetCreated| {
        let third = match subnet.cidr.network() {
            IpAddr::V4(v4) => v4.octets()[2],
            IpAddr::V6(_) => 0,
        };
        subnet.display_name.as_str().starts_with(LATE) && third % 2 == 1
    };
    region.subnets.iter().filter(|subnet| !stays_empty(subnet)).cloned().collect()
}

fn late<T: Clone>(all: &[T], name: impl Fn(&T) -> &str) -> Vec<T> {
    all.iter().filter(|one| name(one).starts_with(LATE)).cloned().collect()
}
