//! What a project says about its EIPs, changed by field masks (AIP-134).

use std::collections::BTreeMap;

use mooring_proto::{event::v1::event::Kind, mask::FieldMask, resource::v1 as resource};
use tonic::{Code, Response, Status};

use crate::{
    given::*,
    refused::{invalid, not_found, refused},
};

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn request(eip: resource::Eip, paths: &[&str]) -> resource::UpdateEipRequest {
    let paths: Vec<_> = paths.iter().map(ToString::to_string).collect();
    let update_mask = (!paths.is_empty()).then_some(FieldMask { paths });
    resource::UpdateEipRequest { eip: Some(eip), update_mask, ..Default::default() }
}

async fn update(
    world: &World,
    eip: resource::Eip,
    paths: &[&str],
) -> Result<Response<resource::Eip>, Status> {
    world.resource().update_eip(request(eip, paths)).await
}

fn named(name: &str) -> resource::Eip {
    resource::Eip { name: name.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn what_is_said_at_allocation_is_read_back_and_changed_by_what_is_set_or_named() {
    let (world, stock) = World::stocked().await;
    let eip = resource::Eip {
        display_name: "shop".into(),
        description: "the shop's".into(),
        labels: labels(&[("env", "prod"), ("tier", "")]),
        delete_protection: true,
        ..Default::default()
    };
    let allocate = resource::AllocateEipRequest { parent: P1.into(), eip: Some(eip), ..Default::default() };
    let allocated = ok(world.resource().allocate_eip(allocate).await);
    assert_eq!(allocated.labels, labels(&[("env", "prod"), ("tier", "")]));
    assert_eq!(ok(world.get_eip(&allocated.name).await), allocated);

    // No mask: what is set. A binding is no obstacle, and the answer has its state.
    ok(world.bind(&allocated.name, &stock.havip.name).await);
    let set = resource::Eip { labels: labels(&[("env", "test")]), ..named(&allocated.name) };
    let updated = ok(update(&world, set, &[]).await);
    assert_eq!((updated.state(), updated.display_name.as_str()), (resource::eip::State::InUse, "shop"));
    assert_eq!((&updated.labels, updated.delete_protection), (&labels(&[("env", "test")]), true));
    assert_eq!(updated.position, world.tail().await);
    assert_eq!(ok(world.get_eip(&allocated.name).await), updated);

    // A mask: what it names, also where that is empty. The new name is found, the old one is no more.
    let renamed =
        resource::Eip { display_name: "www".into(), description: "x".into(), ..named(&allocated.name) };
    let updated = ok(update(&world, renamed, &["display_name", "labels"]).await);
    assert_eq!((updated.description.as_str(), updated.labels.len()), ("the shop's", 0));
    assert_eq!(ok(world.get_eip(&format!("{P1}/eips/www")).await), updated);
    let before = refused(world.get_eip(&format!("{P1}/eips/shop")).await);
    assert_eq!(before.brief(), not_found("name"));

    // A star: everything that can be changed.
    let replaced = ok(update(&world, named(&allocated.name), &["*"]).await);
    assert_eq!(replaced.display_name, replaced.address);
    assert_eq!((replaced.description.as_str(), replaced.delete_protection), ("", false));
    let events = world.events(allocated.position).await;
    let updates = events.iter().filter(|event| matches!(event, Kind::EipUpdated(_))).count();
    assert_eq!(updates, 3);
}

#[tokio::test]
async fn what_is_said_already_writes_nothing_and_a_retry_answers_as_the_first_did() {
    let (mut world, stock) = World::stocked().await;
    let mut request = request(resource::Eip { description: "x".into(), ..named(&stock.eip.name) }, &[]);
    // Labels are hashed in order, whatever order they are sent in.
    let eip = request.eip.as_mut().unwrap();
    eip.labels = (0..20).map(|n| (format!("k{n}"), n.to_string())).collect();
    request.request_id = uuid::Uuid::now_v7().to_string();
    let first = ok(world.resource().update_eip(request.clone()).await);
    let before = world.tail().await;
    assert_eq!(ok(world.resource().update_eip(request.clone()).await), first);
    let again = resource::UpdateEipRequest { request_id: String::new(), ..request.clone() };
    assert_eq!(ok(world.resource().update_eip(again).await), first, "it said all that already");
    assert_eq!(world.tail().await, before);
    world.crash().await;
    let before = world.tail().await;
    assert_eq!(ok(world.resource().update_eip(request).await), first, "after a crash");
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn what_can_not_be_changed_or_said_is_named() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    for path in ["address", "pool", "name", "state", "position", "labels.env", "nonsense", ""] {
        let refusal = refused(update(&world, stock.eip.clone(), &["labels", path]).await);
        assert_eq!(refusal.brief(), invalid("update_mask"), "{path}");
        assert!(refusal.message.contains(&format!("{path:?}")), "{refusal:?}");
        assert!(refusal.message.contains("delete_protection"), "{refusal:?}");
    }
    let it = || named(&stock.eip.name);
    let many = (0..21).map(|n| (format!("k{n}"), String::new())).collect();
    for (eip, field, word) in [
        (resource::Eip { description: "x".repeat(257), ..it() }, "eip.description", "256"),
        (resource::Eip { labels: labels(&[("Env", "x")]), ..it() }, "eip.labels", "\"Env\""),
        (resource::Eip { labels: many, ..it() }, "eip.labels", "20 at most"),
        (resource::Eip { display_name: "no name".into(), ..it() }, "eip.display_name", "no name"),
        (named("web"), "eip.name", "projects/{project}"),
    ] {
        let refusal = refused(update(&world, eip.clone(), &["*"]).await);
        assert_eq!(refusal.brief(), invalid(field));
        assert!(refusal.message.contains(word), "{refusal:?}");
        if field != "eip.name" {
            let allocate = resource::AllocateEipRequest {
                parent: P1.into(),
                eip: Some(resource::Eip { name: String::new(), ..eip }),
                ..Default::default()
            };
            assert_eq!(refused(world.resource().allocate_eip(allocate).await).brief(), invalid(field));
        }
    }
    let other = world.eip(P1, "other").await;
    let taken = refused(update(&world, resource::Eip { display_name: "other".into(), ..it() }, &[]).await);
    assert_eq!(taken.brief(), (Code::AlreadyExists, "NAME_TAKEN", "eip.display_name"));
    assert_eq!(taken.in_the_way, Some(other.name));
    let stolen = format!("{P2}/eips/{}", id(&stock.eip.name));
    let stolen =
        refused(update(&world, resource::Eip { description: "mine".into(), ..named(&stolen) }, &[]).await);
    assert_eq!(stolen.brief(), not_found("eip.name"));
    assert_eq!(world.tail().await, before + 1, "only the other EIP");
}

#[tokio::test]
async fn a_protected_eip_is_not_released_until_that_is_switched_off() {
    let (world, stock) = World::stocked().await;
    let protect = |on: bool| resource::Eip { delete_protection: on, ..named(&stock.eip.name) };
    ok(update(&world, protect(true), &[]).await);
    let refusal = refused(world.release_eip(&stock.eip.name).await);
    assert_eq!(refusal.brief(), (Code::FailedPrecondition, "DELETE_PROTECTED", "name"));
    assert_eq!(refusal.in_the_way.as_ref(), Some(&stock.eip.name));
    // Without a mask nobody can tell that it is to be off.
    assert!(ok(update(&world, protect(false), &[]).await).delete_protection);
    assert!(!ok(update(&world, protect(false), &["delete_protection"]).await).delete_protection);
    ok(world.release_eip(&stock.eip.name).await);
}

#[tokio::test]
async fn an_update_is_foretold_and_refused_by_who_has_not_seen_the_last_one() {
    let (world, stock) = World::stocked().await;
    let eip = resource::Eip { description: "x".into(), ..named(&stock.eip.name) };
    let only = resource::UpdateEipRequest { validate_only: true, ..request(eip.clone(), &[]) };
    let before = world.tail().await;
    let foretold = ok(world.resource().update_eip(only).await);
    assert_eq!((foretold.description.as_str(), world.tail().await), ("x", before));
    let seen =
        |expected_revision| resource::UpdateEipRequest { expected_revision, ..request(eip.clone(), &[]) };
    let stale = refused(world.resource().update_eip(seen(stock.eip.position + 1)).await);
    assert_eq!(stale.brief(), (Code::Aborted, "STALE_REVISION", "expected_revision"));
    let updated = ok(world.resource().update_eip(seen(stock.eip.position)).await);
    assert!(updated.position > stock.eip.position);
    let late = refused(world.resource().update_eip(seen(stock.eip.position)).await);
    assert_eq!(late.reason, "STALE_REVISION");
}
