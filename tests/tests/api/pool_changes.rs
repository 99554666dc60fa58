//! Pools that get other blocks, are drained, give out addresses again, and go.

use mooring_proto::resource::v1::{
    AllocateEipRequest, DeletePoolRequest, DrainPoolRequest, Eip, GetPoolRequest, ListPoolsRequest, Pool,
    ResumePoolRequest, UpdatePoolRequest, pool::State,
};
use prost_types::FieldMask;
use tonic::Code;

use crate::{
    given::*,
    refused::{Refused, invalid, not_found, refused},
};

fn blocks(pool: &Pool, cidrs: &[&str]) -> UpdatePoolRequest {
    let cidrs = cidrs.iter().map(ToString::to_string).collect();
    let pool = Some(Pool { cidrs, ..pool.clone() });
    let update_mask = Some(FieldMask { paths: vec!["cidrs".into()] });
    UpdatePoolRequest { pool, update_mask, ..Default::default() }
}

fn drain(name: &str) -> DrainPoolRequest {
    DrainPoolRequest { name: name.into(), ..Default::default() }
}

fn resume(name: &str) -> ResumePoolRequest {
    ResumePoolRequest { name: name.into(), ..Default::default() }
}

fn delete(name: &str) -> DeletePoolRequest {
    DeletePoolRequest { name: name.into(), ..Default::default() }
}

async fn public(world: &World) -> Pool {
    ok(world.resource().get_pool(GetPoolRequest { name: format!("{R1}/pools/public") }).await)
}

/// A server whose pool gives an address out again as soon as it is released, and the EIP that has its first one.
async fn swift() -> (World, Eip) {
    let world = World::new().await;
    world.pool_that_cools(R1, "public", "203.0.113.0/28", Some(0)).await;
    let eip = world.eip(P1, "web").await;
    (world, eip)
}

async fn refuse_eip(world: &World, eip: Eip) -> Refused {
    let request = AllocateEipRequest { parent: P1.into(), eip: Some(eip), ..Default::default() };
    refused(world.resource().allocate_eip(request).await)
}

#[tokio::test]
async fn a_pool_gets_blocks_and_loses_those_in_which_nobody_has_an_eip() {
    let (mut world, eip) = swift().await;
    let pool = public(&world).await;
    let both = ok(world.resource().update_pool(blocks(&pool, &["203.0.113.0/28", "198.51.100.0/30"])).await);
    assert_eq!((both.cidrs.len(), both.allocated, both.state()), (2, 1, State::Active));
    assert!(both.position > pool.position);
    assert_eq!(world.eip(P1, "second").await.address, "198.51.100.0");
    let refusal = refused(world.resource().update_pool(blocks(&pool, &["198.51.100.0/30"])).await);
    assert_eq!(refusal.brief(), (Code::FailedPrecondition, "POOL_BLOCK_NOT_EMPTY", "pool.cidrs"));
    assert_eq!(refusal.in_the_way.as_ref(), Some(&eip.name));
    ok(world.release_eip(&eip.name).await);
    let one = ok(world.resource().update_pool(blocks(&pool, &["198.51.100.0/30"])).await);
    world.crash().await;
    assert_eq!(public(&world).await, one);
    assert_eq!(
        refuse_eip(&world, Eip { address: "203.0.113.1".into(), ..Default::default() }).await.reason,
        "NOT_IN_A_POOL"
    );
    assert_eq!(world.eip(P1, "third").await.address, "198.51.100.1");
}

#[tokio::test]
async fn a_block_in_which_an_address_cools_stays() {
    let (world, stock) = World::stocked().await;
    ok(world.release_eip(&stock.eip.name).await);
    let pool = public(&world).await;
    let before = world.tail().await;
    let refusal = refused(world.resource().update_pool(blocks(&pool, &["198.51.100.0/30"])).await);
    assert_eq!(refusal.brief(), (Code::FailedPrecondition, "POOL_BLOCK_NOT_EMPTY", "pool.cidrs"));
    assert_eq!(refusal.in_the_way.as_ref(), Some(&stock.eip.name));
    assert_eq!(refused(world.resource().delete_pool(delete(&pool.name)).await).reason, "POOL_NOT_EMPTY");
    assert_eq!(world.tail().await, before);
    let both = ok(world.resource().update_pool(blocks(&pool, &["203.0.113.0/28", "198.51.100.0/30"])).await);
    assert_eq!((both.allocated, both.cooling, both.free), (0, Some(1), Some(19)));
    assert_eq!(both.cooling_ms, pool.cooling_ms);
}

#[tokio::test]
async fn a_pool_is_drained_and_gone_once_it_is_empty() {
    let (world, eip) = swift().await;
    let vpc = world.vpc(P1, "blue").await;
    let subnet = world.subnet(P1, "web", &vpc, "10.0.1.0/24").await;
    let havip = world.havip(&subnet, "front", "", &[]).await;
    let Pool { name, .. } = public(&world).await;
    let refusal = refused(world.resource().delete_pool(delete(&name)).await);
    assert_eq!(refusal.brief(), (Code::FailedPrecondition, "POOL_NOT_EMPTY", "name"));
    let drained = ok(world.resource().drain_pool(drain(&name)).await);
    assert_eq!((drained.state(), drained.allocated), (State::Draining, 1));
    assert_eq!(ok(world.resource().drain_pool(drain(&name)).await), drained, "it is so already");
    let asked = Eip { pool: name.clone(), ..Default::default() };
    let refusal = refuse_eip(&world, asked.clone()).await;
    assert_eq!(refusal.brief(), (Code::FailedPrecondition, "POOL_DRAINING", "eip.pool"));
    assert_eq!(refusal.in_the_way.as_ref(), Some(&name));
    assert_eq!(refuse_eip(&world, Eip::default()).await.reason, "POOL_EXHAUSTED");
    let filtered = async |filter: &str| {
        let request = ListPoolsRequest { parent: R1.into(), filter: filter.into(), ..Default::default() };
        ok(world.resource().list_pools(request).await).pools
    };
    assert_eq!(filtered("state = DRAINING").await, [drained]);
    assert_eq!(filtered("state = ACTIVE").await, []);
    // What there is goes on.
    ok(world.bind(&eip.name, &havip.name).await);
    ok(world.unbind(&eip.name).await);
    assert_eq!(ok(world.resource().resume_pool(resume(&name)).await).state(), State::Active);
    let second = world.eip(P1, "second").await;
    ok(world.resource().drain_pool(drain(&name)).await);
    for eip in [&eip.name, &second.name] {
        assert_eq!(refused(world.resource().delete_pool(delete(&name)).await).reason, "POOL_NOT_EMPTY");
        ok(world.release_eip(eip).await);
    }
    ok(world.resource().resume_pool(resume(&name)).await);
    let refusal = refused(world.resource().delete_pool(delete(&name)).await);
    assert_eq!(refusal.brief(), (Code::FailedPrecondition, "POOL_NOT_DRAINING", "name"));
    ok(world.resource().drain_pool(drain(&name)).await);
    ok(world.resource().delete_pool(delete(&name)).await);
    assert_eq!(refused(world.resource().drain_pool(drain(&name)).await).brief(), not_found("name"));
    world.pool(R1, "public", "203.0.113.0/28").await;
}

#[tokio::test]
async fn what_a_pool_can_not_become_is_refused() {
    let world = World::new().await;
    let pool = world.pool(R1, "public", "203.0.113.0/28").await;
    let other = world.pool(R1, "other", "198.51.100.0/28").await;
    let before = world.tail().await;
    let named = |path: &str, pool: Pool| UpdatePoolRequest {
        pool: Some(pool),
        update_mask: Some(FieldMask { paths: vec![path.into()] }),
        ..Default::default()
    };
    let taken = Pool { display_name: "other".into(), ..pool.clone() };
    let cold = Pool { cooling_ms: Some(u64::MAX), ..pool.clone() };
    let exists = |reason, field| (Code::AlreadyExists, reason, field);
    for (request, expected) in [
        (blocks(&pool, &[]), invalid("pool.cidrs")),
        (blocks(&pool, &["203.0.113.1/28"]), invalid("pool.cidrs")),
        (blocks(&pool, &["ten"]), invalid("pool.cidrs")),
        (blocks(&pool, &["203.0.113.0/28", "198.51.100.8/29"]), exists("POOL_OVERLAPS", "pool.cidrs")),
        (named("display_name", taken), exists("NAME_TAKEN", "pool.display_name")),
        (named("cooling_ms", cold), invalid("pool.cooling_ms")),
        (named("state", pool.clone()), invalid("update_mask")),
        (
            blocks(&Pool { name: format!("{R1}/pools/{NOBODY}"), ..other.clone() }, &["192.0.2.0/28"]),
            not_found("name"),
        ),
        (blocks(&Pool { name: "public".into(), ..other }, &["192.0.2.0/28"]), invalid("pool.name")),
        (
            UpdatePoolRequest { expected_revision: 7, ..blocks(&pool, &["192.0.2.0/28"]) },
            (Code::Aborted, "STALE_REVISION", "expected_revision"),
        ),
    ] {
        assert_eq!(refused(world.resource().update_pool(request).await).brief(), expected);
    }
    let only = UpdatePoolRequest { validate_only: true, ..blocks(&pool, &["192.0.2.0/28"]) };
    assert_eq!(ok(world.resource().update_pool(only).await).cidrs, ["192.0.2.0/28"]);
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn moor_has_a_verb_for_all_of_it() {
    let world = World::new().await;
    world.pool(R1, "public", "203.0.113.0/28").await;
    let updated =
        world.server.ask("pool update public --add-block 198.51.100.0/30 --display-name all").unwrap();
    assert_eq!(updated["cidrs"], serde_json::json!(["203.0.113.0/28", "198.51.100.0/30"]));
    world.server.ask("pool update all --remove-block 203.0.113.0/28").unwrap();
    let refusal = world.server.refuse("pool update all --remove-block 203.0.113.0/28").unwrap();
    assert_eq!((refusal.exit, &*refusal.field), (3, "--remove-block"));
    let cooled = world.server.ask("pool update all --cooling 90m").unwrap();
    assert_eq!(cooled["cooling_ms"], serde_json::json!(90 * 60 * 1_000));
    assert_eq!(world.server.refuse("pool delete all").unwrap().reason, "POOL_NOT_DRAINING");
    assert_eq!(world.server.ask("pool drain all").unwrap()["state"], "DRAINING");
    assert_eq!(world.server.ask("pool resume all").unwrap()["state"], "ACTIVE");
    world.server.ask("pool drain all").unwrap();
    world.server.ask("pool delete all").unwrap();
}
