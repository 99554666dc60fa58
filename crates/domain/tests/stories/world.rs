//! A small region: the project `shop` has a VPC with two subnets, four vNICs, two HAVIPs and two EIPs.
//!
//! pool 1 `203.0.113.0/29` · VPC 1 · subnets 1 `10.0.1.0/24`, 2 `10.0.2.0/24` · vNICs 1–3 in subnet 1, 4 in subnet 2 ·
//! HAVIP 1 `10.0.1.50` with members 1 and 2, HAVIP 2 `10.0.1.51` with 1 · EIPs 1 `203.0.113.0`, 2 `203.0.113.1`.

use std::time::Duration;

use mooring_domain::{
    Expected, Timestamp,
    event::{Damping, EipDetails, HolderRules},
    resource::{
        AllocateEip, Command, CreateHavip, CreatePool, CreateSubnet, CreateVnic, CreateVpc, Hold,
        ReleaseHold, ResourceCore, UpdateQuotas,
    },
};

use super::fixture::*;

pub fn world() -> Story<ResourceCore> {
    let mut story = Story::default();
    for command in commands() {
        story.given(&command);
    }
    story
}

pub fn commands() -> Vec<Command> {
    vec![
        pool(1, "203.0.113.0/29"),
        Command::CreateVpc(CreateVpc { id: id(1), scope: scope("shop"), display_name: label("front") }),
        subnet(1, "10.0.1.0/24"),
        subnet(2, "10.0.2.0/24"),
        Command::CreateVnic(vnic(1, 1, "10.0.1.11")),
        Command::CreateVnic(vnic(2, 1, "10.0.1.12")),
        Command::CreateVnic(vnic(3, 1, "10.0.1.13")),
        Command::CreateVnic(vnic(4, 2, "10.0.2.11")),
        Command::CreateHavip(havip(1, Some("10.0.1.50"), &[1, 2])),
        Command::CreateHavip(havip(2, Some("10.0.1.51"), &[1])),
        Command::AllocateEip(eip(1)),
        Command::AllocateEip(eip(2)),
    ]
}

/// The same, the HAVIPs with these rules.
pub fn commands_with(rules: HolderRules) -> Vec<Command> {
    let ruled = |command| match command {
        Command::CreateHavip(create) => Command::CreateHavip(CreateHavip { rules, ..create }),
        other => other,
    };
    commands().into_iter().map(ruled).collect()
}

pub fn pool(number: u128, cidr: &str) -> Command {
    let display_name = label(&format!("pool-{number}"));
    Command::CreatePool(CreatePool {
        id: id(number),
        region: region("north"),
        display_name,
        cidrs: vec![net(cidr)],
        cooling: Duration::ZERO,
    })
}

/// The project may have more than it may by default.
pub fn raise_quotas() -> Command {
    let many = Some(1000);
    Command::UpdateQuotas(UpdateQuotas {
        scope: scope("shop"),
        eips: many,
        havips_per_vpc: many,
        havips_per_instance: many,
        members_per_havip: many,
        expected: Expected::default(),
    })
}

fn subnet(number: u128, cidr: &str) -> Command {
    Command::CreateSubnet(CreateSubnet {
        id: id(number),
        scope: scope("shop"),
        display_name: label(&format!("subnet-{number}")),
        vpc: id(1),
        cidr: net(cidr),
        gateway_address: None,
        reserved: Vec::new(),
    })
}

/// A vNIC whose MAC ends with its number.
pub fn vnic(number: u128, subnet: u128, address: &str) -> CreateVnic {
    CreateVnic {
        id: id(number),
        scope: scope("shop"),
        instance: label(&format!("vm-{number}")),
        subnet: id(subnet),
        mac: mac(number as u8),
        address: ip(address),
    }
}

/// A HAVIP in subnet 1, without damping.
pub fn havip(number: u128, address: Option<&str>, members: &[u128]) -> CreateHavip {
    CreateHavip {
        id: id(number),
        scope: scope("shop"),
        display_name: label(&format!("havip-{number}")),
        subnet: id(1),
        address: address.map(ip),
        members: members.iter().map(|member| id(*member)).collect(),
        rules: HolderRules { damping: Damping::OFF, ..HolderRules::default() },
    }
}

pub fn eip(number: u128) -> AllocateEip {
    AllocateEip {
        id: id(number),
        scope: scope("shop"),
        display_name: None,
        address: None,
        pool: None,
        details: EipDetails::default(),
        now: Timestamp::default(),
    }
}

pub fn hold(story: &Story<ResourceCore>, binding: u128, eip: u128, havip: u128) -> Command {
    Command::Hold(Hold {
        binding: id(binding),
        eip: id(eip),
        havip: id(havip),
        project: None,
        moved_from: None,
        region: region("north"),
        now: story.now,
    })
}

pub fn release_hold(binding: u128) -> Command {
    Command::ReleaseHold(ReleaseHold { binding: id(binding), region: region("north") })
}
