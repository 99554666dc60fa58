//! Lists in another order than that of creation, and released EIPs among them.

use mooring_proto::resource::v1::{self as resource, Eip, eip::State};

use crate::{
    given::*,
    refused::{invalid, refused},
};

fn listing(order_by: &str) -> resource::ListEipsRequest {
    resource::ListEipsRequest { parent: P1.into(), order_by: order_by.into(), ..Default::default() }
}

async fn names(world: &World, request: resource::ListEipsRequest) -> Vec<String> {
    let eips = ok(world.resource().list_eips(request).await).eips;
    eips.into_iter().map(|eip| eip.display_name).collect()
}

async fn at(world: &World, address: &str, display_name: &str) -> Eip {
    let mut request = allocate_eip(P1, display_name);
    request.eip.as_mut().unwrap().address = address.into();
    ok(world.resource().allocate_eip(request).await)
}

#[tokio::test]
async fn a_list_comes_in_the_order_that_is_asked_for() {
    let (world, stock) = World::stocked().await;
    at(&world, "203.0.113.10", "b").await;
    at(&world, "203.0.113.9", "c").await;
    at(&world, "203.0.113.2", "a").await;
    assert_eq!(names(&world, listing("")).await, ["web", "b", "c", "a"]);
    assert_eq!(names(&world, listing("name desc")).await, ["a", "c", "b", "web"]);
    assert_eq!(names(&world, listing("address")).await, ["web", "a", "c", "b"]);
    assert_eq!(names(&world, listing("display_name desc")).await, ["web", "c", "b", "a"]);
    assert_eq!(names(&world, listing("pool, display_name")).await, ["a", "b", "c", "web"]);
    let filtered =
        resource::ListEipsRequest { filter: "display_name != b".into(), ..listing("address desc") };
    assert_eq!(names(&world, filtered).await, ["c", "a", "web"]);
    for bad in ["state", "labels.env", "colour", "address, ", "address asc"] {
        assert_eq!(
            refused(world.resource().list_eips(listing(bad)).await).brief(),
            invalid("order_by"),
            "{bad}"
        );
    }
    let (parent, order_by) = (P1.to_owned(), "address desc".to_owned());
    let request = resource::ListVnicsRequest { parent, order_by, ..Default::default() };
    let vnics = ok(world.resource().list_vnics(request).await).vnics;
    assert_eq!(vnics, [stock.c, stock.b, stock.a]);
    let told = world.server.ask("eip list --order-by display_name").unwrap();
    let told: Vec<_> = told.as_array().unwrap().iter().map(|eip| eip["display_name"].clone()).collect();
    assert_eq!(told, ["a", "b", "c", "web"]);
}

#[tokio::test]
async fn pages_in_an_order_stay_right_while_things_change_and_their_token_is_for_that_order() {
    let (world, _) = World::stocked().await;
    for name in ["d", "b", "f", "h"] {
        world.eip(P1, name).await;
    }
    let page = |page_token: &str| resource::ListEipsRequest {
        page_size: 2,
        page_token: page_token.into(),
        ..listing("display_name")
    };
    let first = ok(world.resource().list_eips(page("")).await);
    let shown: Vec<_> = first.eips.iter().map(|eip| eip.display_name.as_str()).collect();
    assert_eq!(shown, ["b", "d"]);
    // The last one shown goes; one comes before it, and one behind it.
    ok(world.release_eip(&first.eips[1].name).await);
    world.eip(P1, "a").await;
    world.eip(P1, "e").await;
    let token = first.next_page_token;
    assert_eq!(names(&world, page(&token)).await, ["e", "f"]);
    let other = resource::ListEipsRequest { order_by: "display_name desc".into(), ..page(&token) };
    assert_eq!(refused(world.resource().list_eips(other).await).brief(), invalid("page_token"));
    let other = resource::ListEipsRequest { show_cooling: true, ..page(&token) };
    assert_eq!(refused(world.resource().list_eips(other).await).brief(), invalid("page_token"));
}

#[tokio::test]
async fn released_eips_are_listed_while_they_cool_to_who_asks_for_them() {
    let (world, stock) = World::stocked().await;
    let (gone, stays) = (world.eip(P1, "gone").await, world.eip(P1, "stays").await);
    let theirs = world.eip(P2, "theirs").await;
    for released in [&stock.eip, &gone, &theirs] {
        ok(world.release_eip(&released.name).await);
    }
    let cooling = |order_by: &str, filter: &str| resource::ListEipsRequest {
        show_cooling: true,
        filter: filter.into(),
        ..listing(order_by)
    };
    assert_eq!(names(&world, listing("")).await, ["stays"]);
    assert_eq!(names(&world, cooling("", "")).await, ["web", "gone", "stays"]);
    assert_eq!(names(&world, cooling("display_name", "")).await, ["gone", "stays", "web"]);
    assert_eq!(names(&world, cooling("", "state = COOLING")).await, ["web", "gone"]);
    let eips = ok(world.resource().list_eips(cooling("", "")).await).eips;
    assert_eq!(eips[0], ok(world.get_eip(&stock.eip.name).await));
    assert_eq!((eips[1].state(), eips[2].state()), (State::Cooling, State::Available));
    // In pages of one, each once.
    let (mut walked, mut token) = (Vec::new(), String::new());
    loop {
        let request = resource::ListEipsRequest { page_size: 1, page_token: token, ..cooling("", "") };
        let page = ok(world.resource().list_eips(request).await);
        walked.extend(page.eips);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(walked, eips);
    // Whoever gets the address again ends it.
    at(&world, &gone.address, "again").await;
    assert_eq!(names(&world, cooling("", "")).await, ["web", "stays", "again"]);
    let told = world.server.ask("eip list --show-cooling").unwrap();
    assert_eq!((told.as_array().unwrap().len(), &told[0]["state"]), (3, &"COOLING".into()));
    assert_eq!(told[1]["name"], stays.name.as_str());
}
