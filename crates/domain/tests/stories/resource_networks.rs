//! VPCs and subnets.

use mooring_domain::{
    Event, Rejection,
    name::Scope,
    rejection::Class,
    resource::{Command, CreateSubnet, CreateVpc, ResourceCore},
};

use super::fixture::*;

fn vpc(number: u128, scope: Scope, display_name: &str) -> Command {
    Command::CreateVpc(CreateVpc { id: id(number), scope, display_name: label(display_name) })
}

fn subnet(number: u128, vpc: u128, cidr: &str) -> CreateSubnet {
    CreateSubnet {
        id: id(number),
        scope: scope("shop"),
        display_name: label(&format!("subnet-{number}")),
        vpc: id(vpc),
        cidr: net(cidr),
        gateway_address: None,
        reserved: Vec::new(),
    }
}

fn create(story: &mut Story<ResourceCore>, command: CreateSubnet) -> Result<Vec<Event>, Rejection> {
    story.when(&Command::CreateSubnet(command))
}

fn with_vpcs() -> Story<ResourceCore> {
    let mut story = Story::default();
    story.given(&vpc(1, scope("shop"), "front"));
    story.given(&vpc(2, scope("shop"), "back"));
    story.given(&vpc(3, scope("bank"), "front"));
    story
}

#[test]
fn a_vpc_name_is_unique_in_its_project_and_free_in_others() {
    let mut story = with_vpcs();
    let first = Some(name("shop", "vpcs", 1));
    let result = story.when(&vpc(4, scope("shop"), "front"));
    refused(result, Class::Exists, "NAME_TAKEN", "vpc.display_name", first);
    let result = story.when(&vpc(1, scope("shop"), "new"));
    refused(result, Class::Exists, "ID_TAKEN", "id", None);
}

#[test]
fn a_scope_lists_its_own_in_id_order_after_an_id() {
    let story = with_vpcs();
    let list = |project: &str, after| {
        story.state.vpcs().list(&scope(project), after).map(|entry| entry.facts.id).collect::<Vec<_>>()
    };
    assert_eq!(list("shop", None), [id(1), id(2)]);
    assert_eq!(list("shop", Some(id(1))), [id(2)]);
    assert_eq!(list("shop", Some(id(2))), []);
    assert_eq!(list("bank", None), [id(3)]);
    let named = story.state.vpcs().named(&scope("bank"), &label("front")).map(|entry| entry.facts.id);
    assert_eq!(named.collect::<Vec<_>>(), [id(3)]);
    assert!(story.state.vpcs().get_in(&scope("shop"), id(3)).is_none());
}

#[test]
fn the_gateway_address_is_the_first_host_or_the_one_given() {
    let mut story = with_vpcs();
    let gateway = |events: Vec<Event>| match &events[..] {
        [Event::SubnetCreated(subnet)] => subnet.gateway_address,
        _ => panic!("{events:?}"),
    };
    let events = create(&mut story, subnet(10, 1, "10.0.1.0/24")).unwrap();
    assert_eq!(gateway(events), ip("10.0.1.1"));
    let given = CreateSubnet { gateway_address: Some(ip("10.0.2.254")), ..subnet(11, 1, "10.0.2.0/24") };
    assert_eq!(gateway(create(&mut story, given).unwrap()), ip("10.0.2.254"));
    let events = create(&mut story, subnet(12, 1, "fd00:1::/64")).unwrap();
    assert_eq!(gateway(events), ip("fd00:1::1"));
}

#[test]
fn a_gateway_address_that_is_no_host_of_the_subnet_is_refused() {
    let mut story = with_vpcs();
    for (address, words) in
        [("10.0.2.1", "outside"), ("10.0.1.0", "network address"), ("10.0.1.255", "broadcast address")]
    {
        let command = CreateSubnet { gateway_address: Some(ip(address)), ..subnet(10, 1, "10.0.1.0/24") };
        invalid(create(&mut story, command), "subnet.gateway_address", words);
    }
}

#[test]
fn a_block_of_no_sane_size_or_kind_is_refused() {
    let mut story = with_vpcs();
    for (cidr, words) in [
        ("10.0.0.0/7", "between /8 and /29"),
        ("10.0.1.0/30", "between /8 and /29"),
        ("fd00::/126", "between /48 and /125"),
        ("10.0.1.5/24", "write 10.0.1.0/24"),
        ("224.0.1.0/24", "multicast"),
        ("127.0.1.0/24", "loopback"),
    ] {
        invalid(create(&mut story, subnet(10, 1, cidr)), "subnet.cidr", words);
    }
}

#[test]
fn subnets_of_a_vpc_are_apart_and_those_of_two_vpcs_may_be_equal() {
    let mut story = with_vpcs();
    create(&mut story, subnet(10, 1, "10.0.1.0/24")).unwrap();
    create(&mut story, subnet(11, 1, "10.0.4.0/24")).unwrap();
    for cidr in ["10.0.1.0/24", "10.0.1.128/25", "10.0.0.0/23"] {
        let result = create(&mut story, subnet(12, 1, cidr));
        let first = Some(name("shop", "subnets", 10));
        refused(result, Class::Exists, "SUBNET_OVERLAPS", "subnet.cidr", first);
    }
    create(&mut story, subnet(12, 1, "10.0.2.0/24")).unwrap();
    create(&mut story, subnet(13, 2, "10.0.1.0/24")).unwrap();
}

#[test]
fn a_vpc_that_is_not_there_or_of_another_project_or_region_is_not_found() {
    let mut story = with_vpcs();
    let result = create(&mut story, subnet(10, 9, "10.0.1.0/24"));
    refused(result, Class::NotFound, "NOT_FOUND", "subnet.vpc", None);
    let result = create(&mut story, subnet(10, 3, "10.0.1.0/24"));
    refused(result, Class::NotFound, "NOT_FOUND", "subnet.vpc", None);
    let south = Scope { region: region("south"), ..scope("shop") };
    let result = create(&mut story, CreateSubnet { scope: south, ..subnet(10, 1, "10.0.1.0/24") });
    refused(result, Class::NotFound, "NOT_FOUND", "subnet.vpc", None);
}

#[test]
fn a_subnet_name_that_is_taken_is_refused() {
    let mut story = with_vpcs();
    create(&mut story, subnet(10, 1, "10.0.1.0/24")).unwrap();
    let command = CreateSubnet { display_name: label("subnet-10"), ..subnet(11, 2, "10.0.1.0/24") };
    let first = Some(name("shop", "subnets", 10));
    refused(create(&mut story, command), Class::Exists, "NAME_TAKEN", "subnet.display_name", first);
}
