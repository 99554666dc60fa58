//! Addresses of a subnet that neither a vNIC nor a HAVIP takes.

use mooring_proto::resource::v1::{CreateSubnetRequest, Subnet, UpdateSubnetRequest};
use prost_types::FieldMask;
use tonic::Code;

use crate::{
    given::*,
    refused::{invalid, not_found, refused},
};

fn reserve(subnet: &Subnet, blocks: &[&str]) -> UpdateSubnetRequest {
    let reserved = blocks.iter().map(ToString::to_string).collect();
    let subnet = Some(Subnet { reserved, ..subnet.clone() });
    let update_mask = Some(FieldMask { paths: vec!["reserved".into()] });
    UpdateSubnetRequest { subnet, update_mask, ..Default::default() }
}

#[tokio::test]
async fn what_is_reserved_is_not_taken_chosen_or_free_also_after_a_crash() {
    let (mut world, stock) = World::stocked().await;
    let updated = ok(world.resource().update_subnet(reserve(&stock.subnet, &["10.0.1.240/28"])).await);
    assert_eq!(
        (&updated.reserved[..], &updated.cidr),
        (&["10.0.1.240/28".to_owned()][..], &stock.subnet.cidr)
    );
    world.crash().await;
    let refusal =
        refused(world.resource().create_havip(create_havip(&stock.subnet, "x", "10.0.1.250", &[])).await);
    assert_eq!(refusal.brief(), (Code::FailedPrecondition, "ADDRESS_RESERVED", "havip.address"));
    assert_eq!(refusal.in_the_way.as_ref(), Some(&stock.subnet.name));
    assert_eq!(world.havip(&stock.subnet, "free", "", &[]).await.address, "10.0.1.239");
    assert_eq!(ok(world.resource().update_subnet(reserve(&stock.subnet, &["10.0.1.240/28"])).await), updated);
    assert_eq!(
        ok(world.resource().update_subnet(reserve(&stock.subnet, &[])).await).reserved,
        Vec::<String>::new()
    );
    assert_eq!(world.havip(&stock.subnet, "next", "", &[]).await.address, "10.0.1.254");
}

#[tokio::test]
async fn what_can_not_be_reserved_is_refused_and_named() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let refuse = async |request| refused(world.resource().update_subnet(request).await);
    let in_use = refuse(reserve(&stock.subnet, &["10.0.1.8/29"])).await;
    assert_eq!(in_use.brief(), (Code::FailedPrecondition, "RESERVED_IN_USE", "subnet.reserved"));
    assert_eq!(in_use.in_the_way.as_ref(), Some(&stock.a.name));
    for blocks in [&["10.0.2.0/28"][..], &["10.0.1.240/28", "10.0.1.240/29"], &["10.0.1.9"], &["10.0.1.9/24"]]
    {
        assert_eq!(
            refuse(reserve(&stock.subnet, blocks)).await.brief(),
            invalid("subnet.reserved"),
            "{blocks:?}"
        );
    }
    let wrong = UpdateSubnetRequest {
        update_mask: Some(FieldMask { paths: vec!["cidr".into()] }),
        ..reserve(&stock.subnet, &[])
    };
    assert_eq!(refuse(wrong).await.brief(), invalid("update_mask"));
    let of_p2 = Subnet { name: stock.subnet.name.replace(P1, P2), ..stock.subnet.clone() };
    assert_eq!(refuse(reserve(&of_p2, &[])).await.brief(), not_found("subnet.name"));
    let many = vec!["10.0.1.240/28".to_owned(); 1001];
    let many = UpdateSubnetRequest { add_reserved: many, ..reserve(&stock.subnet, &["10.0.1.240/28"]) };
    assert_eq!(refuse(many).await.brief(), invalid("add_reserved"), "nobody waits for them to be compared");
    let stale = UpdateSubnetRequest { expected_revision: 1, ..reserve(&stock.subnet, &["10.0.1.240/28"]) };
    assert_eq!(refuse(stale).await.reason, "STALE_REVISION");
    let subnet = Subnet {
        display_name: "x".into(),
        vpc: stock.vpc.name.clone(),
        cidr: "10.0.7.0/24".into(),
        reserved: vec!["10.0.1.0/28".into()],
        ..Default::default()
    };
    let request = CreateSubnetRequest { parent: P1.into(), subnet: Some(subnet), ..Default::default() };
    assert_eq!(refused(world.resource().create_subnet(request).await).brief(), invalid("subnet.reserved"));
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn moor_reserves_and_gives_free() {
    let (world, _) = World::stocked().await;
    let updated =
        world.server.ask("subnet update web --reserve 10.0.1.240/28 --reserve 10.0.1.9/32").unwrap();
    assert_eq!(updated["reserved"], serde_json::json!(["10.0.1.240/28", "10.0.1.9/32"]));
    let updated = world.server.ask("subnet update web --unreserve 10.0.1.9/32 --display-name front").unwrap();
    assert_eq!(updated["reserved"], serde_json::json!(["10.0.1.240/28"]));
    let refusal = world.server.refuse("subnet update front --unreserve 10.0.1.9/32").unwrap();
    assert_eq!((refusal.exit, &*refusal.field), (3, "--unreserve"));
    let made =
        world.server.ask("subnet create back --vpc blue --cidr 10.0.8.0/24 --reserve 10.0.8.0/28").unwrap();
    assert_eq!(made["reserved"], serde_json::json!(["10.0.8.0/28"]));
}
