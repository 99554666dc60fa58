//! Filters of lists, and tokens that are for one list only.

use mooring_proto::{binding::v1 as binding, health::v1 as health, resource::v1 as resource};
use tonic::{Response, Status};

use crate::{
    given::*,
    refused::{invalid, refused},
};

async fn eips(world: &World, filter: &str) -> Vec<String> {
    let request =
        resource::ListEipsRequest { parent: P1.into(), filter: filter.into(), ..Default::default() };
    let eips = ok(world.resource().list_eips(request).await).eips;
    eips.into_iter().map(|eip| eip.display_name).collect()
}

#[tokio::test]
async fn a_list_has_what_its_filter_is_true_of() {
    let (world, stock) = World::stocked().await;
    let labelled = resource::Eip {
        display_name: "shop".into(),
        labels: [("env".to_owned(), "prod".to_owned())].into(),
        ..Default::default()
    };
    let request =
        resource::AllocateEipRequest { parent: P1.into(), eip: Some(labelled), ..Default::default() };
    ok(world.resource().allocate_eip(request).await);
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    assert_eq!(eips(&world, "").await, ["web", "shop"]);
    assert_eq!(eips(&world, "state = IN_USE").await, ["web"]);
    assert_eq!(eips(&world, "labels.env = prod AND state = AVAILABLE").await, ["shop"]);
    assert_eq!(
        eips(&world, &format!("address = {} OR labels.env = prod", stock.eip.address)).await,
        ["web", "shop"]
    );
    assert_eq!(eips(&world, &format!("binding = {}", id(&bound.name))).await, ["web"]);
    assert_eq!(eips(&world, "display_name = nobody").await, [""; 0]);

    let filter =
        format!("subnet = \"{}\" AND vpc = {} AND instance != vm-b", stock.subnet.name, id(&stock.vpc.name));
    let request = resource::ListVnicsRequest { parent: P1.into(), filter, ..Default::default() };
    let vnics = ok(world.resource().list_vnics(request).await).vnics;
    assert_eq!(vnics, [stock.a.clone(), stock.c.clone()]);
    let filter = format!("members = {} AND vpc = {}", id(&stock.a.name), id(&stock.vpc.name));
    let request = resource::ListHavipsRequest { parent: P1.into(), filter, ..Default::default() };
    assert_eq!(ok(world.resource().list_havips(request).await).havips[0].name, stock.havip.name);
    let filter = "state = IN_USE".to_owned();
    let request = binding::ListBindingsRequest { parent: P1.into(), filter, ..Default::default() };
    assert_eq!(ok(world.bindings().list_bindings(request).await).bindings.len(), 1);
    let filter = "state != NONE".to_owned();
    let request = health::ListHoldersRequest { parent: P1.into(), filter, ..Default::default() };
    assert_eq!(ok(world.health().list_holders(request).await).holders, []);
    let told = world.server.ask("eip list --filter labels.env=prod").unwrap();
    assert_eq!((told.as_array().unwrap().len(), &told[0]["display_name"]), (1, &"shop".into()));
}

#[tokio::test]
async fn a_filter_that_is_none_is_refused_and_a_token_is_for_its_own_list() {
    let (world, _) = World::stocked().await;
    for name in ["b", "c"] {
        world.eip(P1, name).await;
    }
    let page = async |filter: &str, page_token: &str| {
        let (filter, page_token) = (filter.to_owned(), page_token.to_owned());
        let parent = P1.to_owned();
        let request =
            resource::ListEipsRequest { parent, page_size: 1, page_token, filter, ..Default::default() };
        world.resource().list_eips(request).await
    };
    let deep = format!("{}state = IN_USE{}", "(".repeat(400), ")".repeat(400));
    for bad in ["state", "colour = red", "state = IN_USE state = AVAILABLE", &deep, &"x".repeat(1001)] {
        assert_eq!(refused(page(bad, "").await).brief(), invalid("filter"), "{bad}");
    }
    let first = ok(page("state = AVAILABLE", "").await);
    assert_eq!(first.eips[0].display_name, "web");
    let token = first.next_page_token;
    assert_eq!(refused(page("", &token).await).brief(), invalid("page_token"));
    assert_eq!(refused(page("state = IN_USE", &token).await).brief(), invalid("page_token"));
    let second = ok(page("state = AVAILABLE", &token).await);
    assert_eq!(second.eips[0].display_name, "b");
}

#[tokio::test]
async fn bindings_and_holders_are_found_by_their_vpc() {
    let (world, stock) = World::stocked().await;
    let red = world.vpc(P1, "red").await;
    let subnet = world.subnet(P1, "red", &red, "10.0.1.0/24").await;
    let (havip, eip) = (world.havip(&subnet, "red", "", &[]).await, world.eip(P1, "red").await);
    ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let bound = ok(world.bind(&eip.name, &havip.name).await);
    assert_eq!(bound.vpc, red.name);
    let filter = format!("vpc = {}", id(&red.name));
    let request =
        binding::ListBindingsRequest { parent: P1.into(), filter: filter.clone(), ..Default::default() };
    let bindings = ok(world.bindings().list_bindings(request).await).bindings;
    assert_eq!(bindings.iter().map(|binding| &binding.name).collect::<Vec<_>>(), [&bound.name]);
    let request = health::ListHoldersRequest { parent: P1.into(), filter, ..Default::default() };
    let holders = ok(world.health().list_holders(request).await).holders;
    assert_eq!(
        holders.iter().map(|holder| (&holder.havip, &holder.vpc)).collect::<Vec<_>>(),
        [(&havip.name, &red.name)]
    );
}

#[tokio::test]
async fn a_filter_that_can_never_be_true_says_what_can() {
    let (world, stock) = World::stocked().await;
    ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let list = async |filter: &str| -> Result<Response<binding::ListBindingsResponse>, Status> {
        let request =
            binding::ListBindingsRequest { parent: P1.into(), filter: filter.into(), ..Default::default() };
        world.bindings().list_bindings(request).await
    };
    for (filter, why) in [
        ("state = BOUND", "ASSOCIATING, IN_USE, UNASSOCIATING, FAILED"),
        ("vpc = blue", "by display_name"),
        ("eip_address = web", "no IP address"),
    ] {
        let refusal = refused(list(filter).await);
        assert_eq!(refusal.brief(), invalid("filter"), "{filter}");
        assert!(refusal.message.contains(why), "{refusal:?}");
    }
    let request = resource::ListVnicsRequest {
        parent: P1.into(),
        filter: "mac = 02-00-00-00-00-0A".into(),
        ..Default::default()
    };
    assert_eq!(ok(world.resource().list_vnics(request).await).vnics, [stock.a]);
}
