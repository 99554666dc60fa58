//! An instance's name is unique in its subnet only: where a subnet is known it is enough, elsewhere it may not be.

use mooring_proto::resource::v1 as resource;
use tonic::Code;

use crate::{
    given::*,
    refused::{not_found, refused},
};

/// A second subnet with a `vm-a` of its own.
async fn other_vm_a(world: &World, stock: &Stock) -> (resource::Subnet, resource::Vnic) {
    let other = world.subnet(P1, "other", &stock.vpc, "10.0.2.0/24").await;
    let vnic = world.vnic(&other, "vm-a", "02:00:00:00:00:1a", "10.0.2.10").await;
    (other, vnic)
}

/// A member by the name that people use for it.
fn called(scope: &str, instance: &str) -> resource::Vnic {
    resource::Vnic { name: format!("{scope}/vnics/{instance}"), ..Default::default() }
}

#[tokio::test]
async fn a_member_is_the_instance_of_that_name_in_the_havips_own_subnet() {
    let (world, stock) = World::stocked().await;
    let (other, far) = other_vm_a(&world, &stock).await;
    for (subnet, vnic) in [(&stock.subnet, &stock.a), (&other, &far)] {
        let name = format!("of-{}", subnet.display_name);
        let havip = world.havip(subnet, &name, "", &[&called(P1, "vm-a")]).await;
        assert_eq!(havip.members, [&*vnic.name]);
    }
}

#[tokio::test]
async fn moor_makes_a_havip_of_the_subnets_own_instance_and_says_which_member_there_is_not() {
    let (world, stock) = World::stocked().await;
    let (_, far) = other_vm_a(&world, &stock).await;
    let made = world.server.ask("havip create back --subnet other --member vm-a").unwrap();
    assert_eq!(made["members"][0], *far.name);
    let refusal = world.server.refuse("havip create x --subnet other --member vm-z").unwrap();
    assert_eq!((refusal.exit, &*refusal.reason, &*refusal.field), (3, "NOT_FOUND", "--member"));
    let refusal = world.server.refuse("vnic get vm-a").unwrap();
    assert_eq!((refusal.exit, &*refusal.reason, &*refusal.field), (1, "AMBIGUOUS_NAME", "VNIC"));
}

#[tokio::test]
async fn an_instance_of_another_subnet_is_no_member_and_one_of_another_project_does_not_exist() {
    let (world, stock) = World::stocked().await;
    let (other, far) = other_vm_a(&world, &stock).await;
    let before = world.tail().await;
    let refusal = async |subnet: &resource::Subnet, member: &resource::Vnic| {
        refused(world.resource().create_havip(create_havip(subnet, "x", "", &[member])).await)
    };
    let elsewhere = refusal(&other, &called(P1, "vm-b")).await;
    assert_eq!(elsewhere.brief(), (Code::FailedPrecondition, "OTHER_SUBNET", "havip.members"));
    assert_eq!(elsewhere.in_the_way.as_ref(), Some(&stock.b.name));
    let by_id = refusal(&stock.subnet, &far).await;
    assert_eq!(by_id.reason, "OTHER_SUBNET", "an id is the one it is, whatever it is called");
    assert_eq!(refusal(&stock.subnet, &called(P1, "vm-z")).await.brief(), not_found("havip.members"));
    assert_eq!(refusal(&stock.subnet, &called(P2, "vm-a")).await.brief(), not_found("havip.members"));
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn a_name_that_two_instances_have_names_both() {
    let (world, stock) = World::stocked().await;
    let (_, far) = other_vm_a(&world, &stock).await;
    let request = resource::GetVnicRequest { name: called(P1, "vm-a").name };
    let ambiguous = refused(world.resource().get_vnic(request).await);
    assert_eq!(ambiguous.brief(), (Code::FailedPrecondition, "AMBIGUOUS_NAME", "name"));
    let in_the_way = ambiguous.in_the_way.unwrap();
    for vnic in [&stock.a, &far] {
        assert!(in_the_way.contains(&vnic.name) && ambiguous.message.contains(&vnic.name), "{in_the_way}");
    }
    // The same of a member, where the subnet has none of that name.
    let third = world.subnet(P1, "third", &stock.vpc, "10.0.3.0/24").await;
    let refusal =
        refused(world.resource().create_havip(create_havip(&third, "x", "", &[&called(P1, "vm-a")])).await);
    assert_eq!((refusal.reason.as_str(), refusal.field.as_str()), ("AMBIGUOUS_NAME", "havip.members"));
}
