//! What clients and gateways ask for, at random: of what there is, of what is another project's, and of what never was.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use mooring_domain::{
    Expected, Timestamp,
    binding::{self, Command as ToBinding},
    event::{
        BindRequested, ClaimFacts, EipDetails, GatewayDriftFound, GatewayFacts, HavipCreated, HolderRules,
        SubnetCreated,
    },
    holder,
    id::{BindingId, EipId, HavipId, VnicId},
    labels::Labels,
    name::{Name, Scope},
    nat::{Difference, Element},
    resource::{
        self, AllocateEip, CreateHavip, CreateVnic, DeleteHavip, HavipChange, Hold, ReleaseEip, UpdateEip,
        UpdateHavip,
    },
};

use super::{
    leases, networks, pools,
    region::{REGION, Region},
};
use crate::history::cores::{Asked, Cores};

/// As many vNICs as a region gets.
const VNICS: usize = 150;
/// As many HAVIPs as it has at once, more or less.
const HAVIPS: usize = 90;

/// Commands of one service: what they come to is one record.
#[derive(Debug)]
pub(super) enum Commands {
    Resource(Vec<resource::Command>),
    Binding(Vec<binding::Command>),
    Holder(Vec<holder::Command>),
}

/// So many commands of one kind, and whose doing they are.
pub(super) fn some(region: &mut Region, cores: &mut Cores<'_>, many: usize) -> Result<(Commands, Asked)> {
    let (kind, times) = (region.rng.u32(0..100), 0..many);
    Ok(match kind {
        0..30 => {
            let all = times.map(|_| network(region, cores)).collect::<Result<Vec<_>>>()?;
            (Commands::Resource(all.into_iter().flatten().collect()), Asked::ByClient)
        }
        30..65 => {
            let all = times.filter_map(|_| bind_or_unbind(region, cores)).collect();
            (Commands::Binding(all), Asked::ByClient)
        }
        65..67 => (Commands::Holder(leases::look(cores)), Asked::ByService),
        67..71 => {
            let all =
                times.map(|_| leases::announce_or_withdraw(region, cores)).collect::<Result<Vec<_>>>()?;
            (Commands::Holder(all.into_iter().flatten().collect()), Asked::ByClient)
        }
        71..74 => {
            let all = times.map(|_| leases::hear(region, cores)).collect::<Result<Vec<_>>>()?;
            (Commands::Holder(all.into_iter().flatten().collect()), Asked::ByService)
        }
        74 => (Commands::Holder(leases::measured(region, cores).into_iter().collect()), Asked::ByService),
        75..95 => {
            let all = times.map(|_| claim(region, cores)).collect::<Result<Vec<_>>>()?;
            (Commands::Holder(all.into_iter().flatten().collect()), Asked::ByService)
        }
        95..98 => (Commands::Binding(vec![gateway(region, cores)?]), Asked::ByService),
        _ => (Commands::Resource(delayed_hold(region, cores).into_iter().collect()), Asked::ByService),
    })
}

/// Something comes or goes.
fn network(region: &mut Region, cores: &mut Cores<'_>) -> Result<Option<resource::Command>> {
    if region.rng.u32(0..6) == 0 {
        return match region.rng.u32(0..5) {
            0 => pools::come_or_go(region, cores),
            _ => networks::come_or_go(region, cores),
        };
    }
    let full = region.havips.len() > HAVIPS;
    Ok(match region.rng.u32(0..10) {
        0 | 1 if region.vnics.len() < VNICS => vnic(region, cores)?,
        0..4 if !full => havip(region, cores)?,
        4 => change(region)?,
        0..6 => {
            let havip = Region::any(&mut region.rng, &region.havips);
            havip.map(|havip| {
                let scope = Scope { project: havip.havip.project, region: havip.havip.region };
                resource::Command::DeleteHavip(DeleteHavip {
                    scope,
                    id: havip.havip.id,
                    expected: Expected::default(),
                })
            })
        }
        6..8 => Some(eip(region, cores)?),
        8 => update(region)?,
        _ => Region::any(&mut region.rng, &region.eips).map(|eip| {
            let scope = Scope { project: eip.project, region: eip.region };
            resource::Command::ReleaseEip(ReleaseEip {
                scope,
                id: eip.id,
                expected: Expected::default(),
                now: cores.now(),
            })
        }),
    })
}

fn vnic(region: &mut Region, cores: &mut Cores<'_>) -> Result<Option<resource::Command>> {
    let places = networks::inhabited(region);
    let Some(subnet) = Region::any(&mut region.rng, &places) else { return Ok(None) };
    let (mac, number) = (region.mac(), region.number());
    Ok(Some(resource::Command::CreateVnic(CreateVnic {
        id: VnicId::new(cores.id()),
        scope: owner(&subnet),
        instance: format!("vm-{number}").parse()?,
        address: address(region, &subnet),
        subnet: subnet.id,
        mac,
    })))
}

fn havip(region: &mut Region, cores: &mut Cores<'_>) -> Result<Option<resource::Command>> {
    let places = networks::inhabited(region);
    let Some(subnet) = Region::any(&mut region.rng, &places) else { return Ok(None) };
    let near: Vec<_> = region.vnics.iter().filter(|vnic| vnic.subnet == subnet.id).collect();
    let many = region.rng.usize(0..4);
    let mut members: Vec<_> =
        region.rng.choose_multiple(near, many).into_iter().map(|vnic| vnic.vnic.id).collect();
    if region.rng.u32(0..20) == 0 {
        // Most are of another subnet, or of another project.
        members.extend(Region::any(&mut region.rng, &region.vnics).map(|vnic| vnic.vnic.id));
    }
    let (number, asked) = (region.number(), region.rng.bool().then(|| address(region, &subnet)));
    Ok(Some(resource::Command::CreateHavip(CreateHavip {
        id: HavipId::new(cores.id()),
        scope: owner(&subnet),
        display_name: format!("havip-{number}").parse()?,
        subnet: subnet.id,
        address: asked,
        members,
        rules: HolderRules {
            whole_subnet: number % 4 == 0,
            announce: number % 3 == 0,
            ..HolderRules::default()
        },
    })))
}

/// A HAVIP gets other members, is opened to its subnet or closed, or gets another name.
fn change(region: &mut Region) -> Result<Option<resource::Command>> {
    let Some(HavipCreated { havip, rules, .. }) = Region::any(&mut region.rng, &region.havips) else {
        return Ok(None);
    };
    let near: Vec<_> = region.vnics.iter().filter(|vnic| vnic.subnet == havip.subnet).collect();
    let many = region.rng.usize(0..4);
    let members = region.rng.choose_multiple(near, many).into_iter().map(|vnic| vnic.vnic.id).collect();
    let change = match region.rng.u32(0..6) {
        0 => {
            let display_name = Some(format!("havip-{}", region.number()).parse()?);
            HavipChange { display_name, ..HavipChange::default() }
        }
        1 => HavipChange { whole_subnet: Some(!rules.whole_subnet), ..HavipChange::default() },
        _ => HavipChange { members: Some(members), ..HavipChange::default() },
    };
    let scope = Scope { project: havip.project, region: havip.region };
    Ok(Some(resource::Command::UpdateHavip(UpdateHavip {
        scope,
        id: havip.id,
        expected: Expected::default(),
        change,
    })))
}

fn eip(region: &mut Region, cores: &mut Cores<'_>) -> Result<resource::Command> {
    let project = if region.rng.u32(0..3) == 0 { "bank" } else { "shop" };
    let pool = Region::any(&mut region.rng, &region.pools).filter(|_| region.rng.bool()).map(|pool| pool.id);
    let address = IpAddr::V4(Ipv4Addr::new(203, 0, 113, region.rng.u8(0..20)));
    Ok(resource::Command::AllocateEip(AllocateEip {
        id: EipId::new(cores.id()),
        scope: Scope { project: project.parse()?, region: REGION.parse()? },
        display_name: None,
        address: (region.rng.u32(0..4) == 0).then_some(address),
        pool,
        details: details(region)?,
        now: cores.now(),
    }))
}

/// What a project may say about its EIP.
fn details(region: &mut Region) -> Result<EipDetails> {
    let labels = [("env", "prod"), ("tier", "front")].into_iter().filter(|_| region.rng.u32(0..4) == 0);
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<Vec<_>>();
    let description = if region.rng.bool() { "a shop's" } else { "" }.parse()?;
    let delete_protection = region.rng.u32(0..8) == 0;
    Ok(EipDetails { description, labels: Labels::new(labels)?, delete_protection })
}

/// It says something else about one, and calls it by another name or by its address.
fn update(region: &mut Region) -> Result<Option<resource::Command>> {
    let Some(eip) = Region::any(&mut region.rng, &region.eips) else { return Ok(None) };
    let EipDetails { description, labels, delete_protection } = details(region)?;
    let name = format!("eip-{}", region.rng.u8(..40)).parse()?;
    let display_name = match region.rng.u32(0..4) {
        0 => Some(Some(name)),
        1 => Some(None),
        _ => None,
    };
    Ok(Some(resource::Command::UpdateEip(UpdateEip {
        scope: Scope { project: eip.project, region: eip.region },
        id: eip.id,
        display_name,
        description: region.rng.bool().then_some(description),
        labels: region.rng.bool().then_some(labels),
        delete_protection: Some(delete_protection),
        expected: Expected::default(),
    })))
}

fn bind_or_unbind(region: &mut Region, cores: &mut Cores<'_>) -> Option<ToBinding> {
    let eip = Region::any(&mut region.rng, &region.eips)?;
    let scope = Scope { project: eip.project, region: eip.region };
    if region.rng.u32(0..5) < 2 {
        return Some(ToBinding::Unbind { scope, eip: eip.id, expected: Expected::default() });
    }
    let ours: Vec<_> = region.havips.iter().filter(|havip| havip.havip.project == scope.project).collect();
    let all = match region.rng.u32(0..20) {
        0 => region.havips.iter().collect(),
        _ => ours,
    };
    let havip = Region::any(&mut region.rng, &all)?.havip.clone();
    let id = BindingId::new(cores.id());
    let eip_id = if region.rng.u32(0..20) == 0 { EipId::new(cores.id()) } else { eip.id };
    let of = if region.rng.u32(0..20) == 0 { havip.project.clone() } else { scope.project.clone() };
    let eip = Name { scope: Scope { project: of, region: scope.region.clone() }, id: eip_id };
    let havip = Name { scope: Scope { project: havip.project, region: havip.region }, id: havip.id };
    Some(match cores.states().binding.of_eip(&eip.scope.project, eip_id) {
        Some(_) if region.rng.bool() => ToBinding::Move { id, eip, havip, expected: Expected::default() },
        _ => ToBinding::Bind { id, eip, havip },
    })
}

/// A member announces, or somebody who is none; now and then by a clock that is wrong.
fn claim(region: &mut Region, cores: &Cores<'_>) -> Result<Option<holder::Command>> {
    let Some(havip) = Region::any(&mut region.rng, &region.havips) else { return Ok(None) };
    let member = Region::any(&mut region.rng, &havip.members).map(|member| member.mac);
    let mac = match (region.rng.u32(0..20), member) {
        (0, _) => region.mac(),
        (1, _) | (_, None) => match Region::any(&mut region.rng, &region.vnics) {
            Some(vnic) => vnic.vnic.mac,
            None => return Ok(None),
        },
        (_, Some(mac)) => mac,
    };
    let (now, number) = (cores.now(), u64::from(region.number()));
    let wrong = if region.rng.u32(0..10) == 0 { region.rng.i64(-5_000_000_000..5_000_000_000) } else { 0 };
    let gateway = format!("gw-{}", region.rng.u8(1..4)).parse()?;
    let observed_at = Timestamp(now.0.saturating_add_signed(wrong));
    let claim = ClaimFacts { gateway, number, mac, observed_at };
    Ok(Some(holder::Command::Claim {
        vpc: havip.havip.vpc,
        address: havip.havip.address,
        claim,
        heard: holder::Heard::default(),
        now,
    }))
}

/// A gateway comes, goes, or finds its kernel changed.
fn gateway(region: &mut Region, cores: &Cores<'_>) -> Result<ToBinding> {
    let gateway = format!("gw-{}", region.rng.u8(1..4)).parse()?;
    let position = mooring_domain::Position(cores.position().0);
    let vpc = Region::any(&mut region.rng, &region.subnets);
    Ok(match (region.rng.u32(0..3), vpc) {
        (0, Some(SubnetCreated { vpc, project, region: of, .. })) => {
            let route = Element::Route(Ipv4Addr::new(203, 0, 113, region.rng.u8(..)).into());
            let found_at = cores.now();
            ToBinding::RecordDrift(GatewayDriftFound {
                gateway: GatewayFacts { gateway, region: of },
                project,
                vpc,
                position,
                found_at,
                mended_at: found_at,
                rules: region.rng.bool(),
                differences: vec![Difference { wanted: Some(route), found: None }],
                differing: 1,
                unrecorded: region.rng.u64(0..2),
            })
        }
        (1, _) => {
            ToBinding::DecommissionGateway { region: REGION.parse()?, gateway, expected: Expected::default() }
        }
        _ => ToBinding::RegisterGateway { region: REGION.parse()?, gateway, equal_to: position },
    })
}

/// A hold for a binding of the past arrives once more.
fn delayed_hold(region: &mut Region, cores: &Cores<'_>) -> Option<resource::Command> {
    let requests: Vec<_> = region.requests.iter().cloned().collect();
    let request: Option<BindRequested> = Region::any(&mut region.rng, &requests);
    request.map(|BindRequested { binding, eip, havip, moved_from, region, .. }| {
        let now = cores.now();
        resource::Command::Hold(Hold { binding, eip, havip, project: None, moved_from, region, now })
    })
}

fn owner(subnet: &SubnetCreated) -> Scope {
    Scope { project: subnet.project.clone(), region: subnet.region.clone() }
}

/// Somewhere in the subnet, whoever has it.
fn address(region: &mut Region, subnet: &SubnetCreated) -> IpAddr {
    let last = region.rng.u8(2..);
    match subnet.cidr.network() {
        IpAddr::V4(v4) => IpAddr::V4((u32::from(v4) + u32::from(last)).into()),
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) + u128::from(last)).into()),
    }
}
