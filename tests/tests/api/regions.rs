//! Two regions of one server have nothing in common but the process.

use mooring_proto::resource::v1 as resource;

use crate::{
    given::*,
    refused::{not_found, refused},
};

const IN_R2: &str = "projects/p1/regions/r2";
const R2: &str = "regions/r2";

async fn names_of_eips(world: &World, scope: &str) -> Vec<String> {
    let request = resource::ListEipsRequest { parent: scope.into(), ..Default::default() };
    ok(world.resource().list_eips(request).await).eips.into_iter().map(|eip| eip.name).collect()
}

#[tokio::test]
async fn two_regions_have_the_same_names_and_addresses_and_logs_of_their_own() {
    let mut world = World::serving(&["r1", "r2"]).await;
    let mut made = Vec::new();
    for (region, scope) in [(R1, P1), (R2, IN_R2)] {
        world.pool(region, "public", "203.0.113.0/28").await;
        let vpc = world.vpc(scope, "blue").await;
        let subnet = world.subnet(scope, "web", &vpc, "10.0.1.0/24").await;
        let vnic = world.vnic(&subnet, "vm-a", "02:00:00:00:00:0a", "10.0.1.10").await;
        let havip = world.havip(&subnet, "front", "10.0.1.100", &[&vnic]).await;
        made.push((world.eip(scope, "web").await, havip));
    }
    let [(eip_1, havip_1), (eip_2, havip_2)] = &made[..] else { panic!("{made:?}") };
    assert_eq!(eip_1.address, eip_2.address);

    let (tail_1, tail_2) = (world.tail_of(R1).await, world.tail_of(R2).await);
    ok(world.bind(&eip_2.name, &havip_2.name).await);
    assert_eq!(world.tail_of(R1).await, tail_1, "what happens in r2 is not in the log of r1");
    assert!(world.tail_of(R2).await > tail_2);
    assert_eq!(names_of_eips(&world, P1).await, [&*eip_1.name]);
    assert_eq!(names_of_eips(&world, IN_R2).await, [&*eip_2.name]);

    for (eip, havip) in [(eip_1, havip_2), (eip_2, havip_1)] {
        let refusal = refused(world.bind(&eip.name, &havip.name).await);
        assert_eq!((refusal.reason.as_str(), refusal.field.as_str()), ("OTHER_REGION", "havip"));
    }
    // The right id in the wrong region is nothing.
    let misplaced = format!("{IN_R2}/eips/{}", id(&eip_1.name));
    assert_eq!(refused(world.get_eip(&misplaced).await).brief(), not_found("name"));

    world.crash().await;
    assert!(ok(world.get_eip(&eip_1.name).await).binding.is_empty());
    assert!(!ok(world.get_eip(&eip_2.name).await).binding.is_empty());
    for (region, scope) in [(R1, "regions/r1/"), (R2, "regions/r2/")] {
        let commits = format!("{:?}", world.commits_of(region, 0).await);
        let other = if scope == "regions/r1/" { "\"r2\"" } else { "\"r1\"" };
        assert!(!commits.contains(other), "the log of {region} speaks of {other}");
    }
}
