//! Several things read at once: all of them or none, in the order of their names, as they were at one position.

use mooring_proto::{
    binding::v1::{self as binding, Binding},
    resource::v1::{self as resource, Eip, Havip, eip},
};
use tonic::{Response, Status};

use crate::{
    given::*,
    refused::{invalid, not_found, refused},
};

async fn eips(world: &World, parent: &str, names: &[&str]) -> Result<Response<Vec<Eip>>, Status> {
    let names = names.iter().map(ToString::to_string).collect();
    let request = resource::BatchGetEipsRequest { parent: parent.into(), names };
    Ok(world.resource().batch_get_eips(request).await?.map(|answer| answer.eips))
}

async fn havips(world: &World, names: &[&str]) -> Result<Response<Vec<Havip>>, Status> {
    let names = names.iter().map(ToString::to_string).collect();
    let request = resource::BatchGetHavipsRequest { parent: P1.into(), names };
    Ok(world.resource().batch_get_havips(request).await?.map(|answer| answer.havips))
}

async fn bindings(world: &World, names: &[&str]) -> Result<Response<Vec<Binding>>, Status> {
    let names = names.iter().map(ToString::to_string).collect();
    let request = binding::BatchGetBindingsRequest { parent: P1.into(), names };
    Ok(world.bindings().batch_get_bindings(request).await?.map(|answer| answer.bindings))
}

#[tokio::test]
async fn several_are_read_as_each_of_them_alone() {
    let (world, stock) = World::stocked().await;
    let (gone, free) = (world.eip(P1, "gone").await, world.eip(P1, "free").await);
    ok(world.release_eip(&gone.name).await);
    // What its gateway has done does not change any more then.
    let request = binding::BindRequest { wait_applied: true, ..bind(&stock.eip.name, &stock.havip.name) };
    let bound = ok(world.bindings().bind(request).await);
    let by_address = format!("{P1}/eips/{}", free.address);
    let names = [free.name.as_str(), &stock.eip.name, &gone.name, &by_address];
    let told = ok(eips(&world, P1, &names).await);
    let mut each = Vec::new();
    for name in names {
        each.push(ok(world.get_eip(name).await));
    }
    assert_eq!(told, each);
    let states: Vec<_> = told.iter().map(Eip::state).collect();
    assert_eq!(
        states,
        [eip::State::Available, eip::State::InUse, eip::State::Cooling, eip::State::Available]
    );
    let other = world.havip(&stock.subnet, "other", "", &[]).await;
    let told = ok(havips(&world, &[&other.name, &format!("{P1}/havips/front")]).await);
    assert_eq!(told, [other, ok(world.get_havip(&stock.havip.name).await)]);
    assert_eq!(told[1].binding, bound.name);
    let told = ok(bindings(&world, &[&bound.name, &bound.name]).await);
    assert_eq!(told, [bound.clone(), bound]);
}

#[tokio::test]
async fn of_what_is_not_there_the_first_is_named_and_nothing_is_told() {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let wrong = |collection: &str| format!("{P1}/{collection}/{NOBODY}");
    let (eip, havip, of_none) = (wrong("eips"), wrong("havips"), wrong("bindings"));
    let told = refused(eips(&world, P1, &[&stock.eip.name, &eip, &format!("{P1}/eips/nobody")]).await);
    assert!(told.brief() == not_found("names") && told.message.contains(&eip), "{told:?}");
    let told = refused(havips(&world, &[&havip, &stock.havip.name]).await);
    assert!(told.brief() == not_found("names") && told.message.contains(&havip), "{told:?}");
    let told = refused(bindings(&world, &[&bound.name, &of_none]).await);
    assert!(told.brief() == not_found("names") && told.message.contains(&of_none), "{told:?}");
}

#[tokio::test]
async fn a_batch_is_of_one_parent_and_of_bounded_length() {
    let (world, stock) = World::stocked().await;
    let theirs = world.eip(P2, "theirs").await;
    let name = stock.eip.name.as_str();
    assert_eq!(refused(eips(&world, P1, &[]).await).brief(), invalid("names"));
    assert_eq!(refused(eips(&world, P1, &vec![name; 1001]).await).brief(), invalid("names"));
    assert_eq!(ok(eips(&world, P1, &vec![name; 1000]).await).len(), 1000);
    let told = refused(eips(&world, P1, &[name, &theirs.name]).await);
    assert!(told.brief() == invalid("names") && told.message.contains(&theirs.name), "{told:?}");
    assert_eq!(refused(eips(&world, P1, &["web"]).await).brief(), invalid("names"));
}

#[tokio::test]
async fn moor_gets_several_by_their_short_names() {
    let (world, _) = World::stocked().await;
    world.eip(P1, "shop").await;
    let told = world.server.ask("eip get shop web").unwrap();
    let names: Vec<_> = told.as_array().unwrap().iter().map(|eip| eip["display_name"].clone()).collect();
    assert_eq!(names, ["shop", "web"]);
    assert_eq!(world.server.ask("havip get front").unwrap()["display_name"], "front");
    let refused = world.server.refuse("havip get front back").unwrap();
    assert_eq!((refused.exit, refused.reason.as_str()), (3, "NOT_FOUND"));
}
