//! How much a project may have in a region, who changes that, and how more than that is refused.

use std::collections::HashMap;

use mooring_proto::{mask::FieldMask, resource::v1 as resource};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt;

use crate::{
    given::*,
    refused::{invalid, refused},
};

async fn quotas(world: &World, scope: &str) -> resource::Quotas {
    let name = format!("{scope}/quotas");
    ok(world.resource().get_quotas(resource::GetQuotasRequest { name }).await)
}

async fn update(
    world: &World,
    quotas: resource::Quotas,
    paths: &[&str],
) -> Result<Response<resource::Quotas>, Status> {
    let paths: Vec<_> = paths.iter().map(ToString::to_string).collect();
    let update_mask = (!paths.is_empty()).then_some(FieldMask { paths });
    let request = resource::UpdateQuotasRequest { quotas: Some(quotas), update_mask, ..Default::default() };
    world.resource().update_quotas(request).await
}

pub fn limit(limit: u64) -> Option<resource::Quota> {
    Some(resource::Quota { limit, ..Default::default() })
}

fn named(scope: &str) -> resource::Quotas {
    resource::Quotas { name: format!("{scope}/quotas"), ..Default::default() }
}

/// Used, and limit, of each.
fn numbers(quotas: &resource::Quotas) -> [(u64, u64); 4] {
    let of = |quota: &Option<resource::Quota>| quota.as_ref().map(|quota| (quota.used, quota.limit)).unwrap();
    [
        of(&quotas.eips),
        of(&quotas.havips_per_vpc),
        of(&quotas.havips_per_instance),
        of(&quotas.members_per_havip),
    ]
}

/// Refused as too much; the metadata beside reason and domain.
#[track_caller]
fn exceeded<T: std::fmt::Debug>(answer: Result<Response<T>, Status>, field: &str) -> HashMap<String, String> {
    let status = answer.expect_err("this must be refused");
    let metadata = status.get_details_error_info().unwrap().metadata;
    let refusal = refused::<T>(Err(status));
    assert_eq!(refusal.brief(), (Code::ResourceExhausted, "QUOTA_EXCEEDED", field));
    metadata
}

#[tokio::test]
async fn a_project_sees_what_it_may_have_and_has_and_more_is_refused_with_both() {
    let (mut world, stock) = World::stocked().await;
    let first = quotas(&world, P1).await;
    assert_eq!(numbers(&first), [(1, 20), (1, 5), (1, 5), (2, 10)]);
    assert_eq!(first.havips_per_vpc.as_ref().unwrap().used_by, stock.vpc.name);
    assert_eq!((first.position, numbers(&quotas(&world, P2).await)), (0, [(0, 20), (0, 5), (0, 5), (0, 10)]));

    let two = resource::Quotas { eips: limit(2), havips_per_vpc: limit(1), ..named(P1) };
    let changed = ok(update(&world, two, &["eips"]).await);
    assert_eq!(numbers(&changed), [(1, 2), (1, 5), (1, 5), (2, 10)], "only what the mask names");
    assert_eq!(changed.position, world.tail().await);
    world.eip(P1, "").await;
    let before = world.tail().await;
    let metadata = exceeded(world.resource().allocate_eip(allocate_eip(P1, "")).await, "parent");
    for (key, value) in [("quota", "eips"), ("limit", "2"), ("used", "2"), ("asked", "1")] {
        assert_eq!(metadata[key], value);
    }
    assert_eq!(world.tail().await, before);
    world.crash().await;
    assert_eq!(numbers(&quotas(&world, P1).await)[0], (2, 2));
    ok(world.release_eip(&stock.eip.name).await);
    assert_eq!(world.eip(P1, "").await.address, stock.eip.address, "it is kept for the project");
    assert_eq!(world.eip(P2, "").await.address, "203.0.113.2", "another project's are its own");
}

#[tokio::test]
async fn havips_of_a_vpc_and_of_an_instance_and_members_of_a_havip_are_counted() {
    let (world, stock) = World::stocked().await;
    let create = async |name: &str, members: &[&resource::Vnic]| {
        world.resource().create_havip(create_havip(&stock.subnet, name, "", members)).await
    };
    for name in ["b", "c", "d", "e"] {
        ok(create(name, &[&stock.a]).await);
    }
    let metadata = exceeded(create("f", &[]).await, "havip.subnet");
    assert_eq!((&*metadata["quota"], &metadata["in_the_way"]), ("havips_per_vpc", &stock.vpc.name));
    // Without a mask, what is set.
    ok(update(&world, resource::Quotas { havips_per_vpc: limit(9), ..named(P1) }, &[]).await);
    let metadata = exceeded(create("f", &[&stock.c, &stock.a]).await, "havip.members");
    assert_eq!((&*metadata["quota"], &metadata["in_the_way"]), ("havips_per_instance", &stock.a.name));
    ok(update(&world, resource::Quotas { members_per_havip: limit(1), ..named(P1) }, &[]).await);
    let metadata = exceeded(create("f", &[&stock.b, &stock.c]).await, "havip.members");
    assert_eq!((&*metadata["quota"], &*metadata["asked"]), ("members_per_havip", "2"));
    let last = ok(create("f", &[&stock.c]).await);
    // Whoever becomes a member later counts the same.
    let members = async |all: &[&resource::Vnic]| {
        let members = all.iter().map(|vnic| vnic.name.clone()).collect();
        let havip = Some(resource::Havip { name: last.name.clone(), members, ..Default::default() });
        let request = resource::UpdateHavipRequest { havip, ..Default::default() };
        world.resource().update_havip(request).await
    };
    let metadata = exceeded(members(&[&stock.c, &stock.b]).await, "havip.members");
    assert_eq!((&*metadata["quota"], &*metadata["used"]), ("members_per_havip", "1"));
    let metadata = exceeded(members(&[&stock.a]).await, "havip.members");
    assert_eq!((&*metadata["quota"], &metadata["in_the_way"]), ("havips_per_instance", &stock.a.name));
    ok(members(&[&stock.b]).await);
    // Lowered below what there is: nothing goes, and none comes.
    ok(update(&world, resource::Quotas { havips_per_vpc: limit(0), ..named(P1) }, &[]).await);
    assert_eq!(numbers(&quotas(&world, P1).await), [(1, 20), (6, 0), (5, 5), (2, 1)]);
    exceeded(create("g", &[]).await, "havip.subnet");
}

#[tokio::test]
async fn limits_that_are_the_same_write_nothing_and_wrong_requests_name_the_field() {
    let world = World::new().await;
    let before = world.tail().await;
    let same = resource::Quotas { eips: limit(20), members_per_havip: limit(10), ..named(P1) };
    assert_eq!(ok(update(&world, same, &[]).await).position, 0);
    let path = refused(update(&world, named(P1), &["position"]).await);
    assert_eq!(path.brief(), invalid("update_mask"));
    let unset = refused(update(&world, named(P1), &["eips"]).await);
    assert_eq!(unset.brief(), invalid("quotas"));
    for name in ["", P1, "projects/p1/quotas", "projects/p1/regions/r1/quotas/x"] {
        let get = resource::GetQuotasRequest { name: name.into() };
        assert_eq!(refused(world.resource().get_quotas(get).await).brief(), invalid("name"), "{name}");
        let quotas = resource::Quotas { name: name.into(), eips: limit(1), ..Default::default() };
        assert_eq!(refused(update(&world, quotas, &[]).await).brief(), invalid("quotas.name"), "{name}");
    }
    assert_eq!(world.tail().await, before);
}
