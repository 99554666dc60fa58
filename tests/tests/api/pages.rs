//! Lists in pages: each thing once and in order, whatever is created and deleted between two pages.

use mooring_proto::{binding::v1 as binding, health::v1 as health, resource::v1 as resource};

use crate::{
    given::*,
    refused::{invalid, refused},
};

async fn page_of_eips(world: &World, page_token: &str) -> (Vec<String>, String) {
    let request = resource::ListEipsRequest {
        parent: P1.into(),
        page_size: 1,
        page_token: page_token.into(),
        ..Default::default()
    };
    let page = ok(world.resource().list_eips(request).await);
    (page.eips.into_iter().map(|eip| eip.name).collect(), page.next_page_token)
}

#[tokio::test]
async fn pages_of_one_stay_right_while_things_come_and_go_between_them() {
    let world = World::new().await;
    world.pool(R1, "public", "203.0.113.0/28").await;
    let mut eips = Vec::new();
    for name in ["a", "b", "c", "d"] {
        eips.push(world.eip(P1, name).await.name);
    }
    let (first, token) = page_of_eips(&world, "").await;
    assert_eq!(first, eips[..1]);
    // The one that the token stands for goes, so does the next, and another comes.
    ok(world.release_eip(&eips[0]).await);
    ok(world.release_eip(&eips[1]).await);
    let late = world.eip(P1, "e").await.name;
    let (second, token) = page_of_eips(&world, &token).await;
    assert_eq!(second, eips[2..3]);
    let (third, token) = page_of_eips(&world, &token).await;
    assert_eq!(third, eips[3..]);
    let (fourth, token) = page_of_eips(&world, &token).await;
    assert_eq!((fourth, token.as_str()), (vec![late], ""), "the last page says so");
}

/// Walks a list in pages of one; the names must be those of its page of everything.
macro_rules! assert_pages {
    ($world:expr, $client:ident.$list:ident($request:ident), $parent:expr, $items:ident by $name:ident, $count:expr) => {{
        let page = async |page_size: i32, page_token: String| {
            let request = $request { parent: $parent.into(), page_size, page_token, ..Default::default() };
            $world.$client().$list(request).await
        };
        let whole = ok(page(0, String::new()).await);
        assert_eq!((whole.$items.len(), whole.next_page_token.as_str()), ($count, ""));
        let (mut walked, mut token) = (Vec::new(), String::new());
        loop {
            let one = ok(page(1, token).await);
            assert_eq!(one.$items.len(), 1);
            walked.extend(one.$items);
            token = one.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let walked: Vec<String> = walked.into_iter().map(|item| item.$name).collect();
        let whole: Vec<String> = whole.$items.into_iter().map(|item| item.$name).collect();
        assert_eq!(walked, whole);
        for size in [-1, 1001, i32::MIN, i32::MAX] {
            assert_eq!(refused(page(size, String::new()).await).brief(), invalid("page_size"));
        }
        for token in ["x", "00", &whole[0]] {
            assert_eq!(refused(page(1, token.to_owned()).await).brief(), invalid("page_token"));
        }
    }};
}

#[tokio::test]
async fn every_list_comes_in_pages_and_refuses_sizes_and_tokens_that_are_none() {
    use binding::ListBindingsRequest;
    use health::ListHoldersRequest;
    use resource::{
        ListEipsRequest, ListHavipsRequest, ListPoolsRequest, ListSubnetsRequest, ListVnicsRequest,
        ListVpcsRequest,
    };
    let (world, stock) = World::stocked().await;
    world.pool(R1, "more", "198.51.100.0/28").await;
    let vpc = world.vpc(P1, "green").await;
    world.subnet(P1, "green", &vpc, "10.0.1.0/24").await;
    let havip = world.havip(&stock.subnet, "second", "", &[]).await;
    let eip = world.eip(P1, "second").await;
    ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    ok(world.bind(&eip.name, &havip.name).await);
    assert_pages!(world, resource.list_pools(ListPoolsRequest), R1, pools by name, 2);
    assert_pages!(world, resource.list_vpcs(ListVpcsRequest), P1, vpcs by name, 2);
    assert_pages!(world, resource.list_subnets(ListSubnetsRequest), P1, subnets by name, 2);
    assert_pages!(world, resource.list_vnics(ListVnicsRequest), P1, vnics by name, 3);
    assert_pages!(world, resource.list_havips(ListHavipsRequest), P1, havips by name, 2);
    assert_pages!(world, resource.list_eips(ListEipsRequest), P1, eips by name, 2);
    assert_pages!(world, bindings.list_bindings(ListBindingsRequest), P1, bindings by name, 2);
    assert_pages!(world, health.list_holders(ListHoldersRequest), P1, holders by havip, 2);
}

#[tokio::test]
async fn a_page_of_nothing_is_empty_and_the_last() {
    let world = World::new().await;
    let (eips, token) = page_of_eips(&world, "").await;
    assert_eq!((eips.len(), token.as_str()), (0, ""));
}
