//! What may change of a HAVIP, also while an EIP fronts it; and what becomes of a holder that may hold it no more.

use mooring_proto::{
    binding::v1::binding::State as BindingState,
    event::v1::event::Kind,
    health::v1::{WatchHoldersRequest, holder::State},
    resource::v1::{Damping, Havip, UpdateHavipRequest, Vnic, havip::ClaimPolicy},
};
use prost_types::FieldMask;
use tonic::Code;

use crate::{
    claims::*,
    given::*,
    refused::{Refused, invalid, not_found, refused},
    watched::Watched,
};

/// A change of these fields to what they are in `havip`.
fn change(havip: Havip, paths: &[&str]) -> UpdateHavipRequest {
    let update_mask = Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() });
    UpdateHavipRequest { havip: Some(havip), update_mask, ..Default::default() }
}

/// These vNICs are its members from now on.
fn members(havip: &Havip, members: &[&Vnic]) -> UpdateHavipRequest {
    let members = members.iter().map(|vnic| vnic.name.clone()).collect();
    change(Havip { members, ..havip.clone() }, &["members"])
}

async fn update(world: &World, request: UpdateHavipRequest) -> Havip {
    ok(world.resource().update_havip(request).await)
}

async fn refuse(world: &World, request: UpdateHavipRequest) -> Refused {
    refused(world.resource().update_havip(request).await)
}

#[tokio::test]
async fn members_change_while_an_eip_fronts_it_and_the_binding_stands() {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let before = world.tail().await;
    let updated = update(&world, members(&stock.havip, &[&stock.c, &stock.b])).await;
    assert_eq!(updated.members, [stock.c.name.clone(), stock.b.name.clone()]);
    assert_eq!((&updated.binding, updated.position), (&bound.name, before + 1));
    let rest =
        Havip { members: stock.havip.members.clone(), position: stock.havip.position, ..updated.clone() };
    assert_eq!(
        rest,
        Havip { binding: bound.name.clone(), ..stock.havip.clone() },
        "nothing else has changed"
    );
    assert_eq!(ok(world.get_havip(&stock.havip.name).await), updated);
    let now = ok(world.binding(&bound.name).await);
    assert_eq!((now.state(), now.position), (BindingState::InUse, bound.position));
    // The same again is a success, and nothing is written.
    assert_eq!(update(&world, members(&stock.havip, &[&stock.c, &stock.b])).await, updated);
    assert_eq!(world.events(before).await.len(), 1);
}

#[tokio::test]
async fn a_holder_that_is_removed_loses_it_at_once_and_the_new_member_takes_it() {
    let (world, stock) = World::stocked().await;
    claims(&world, &stock.havip, &stock.a, ago(9)).await;
    let before = world.tail().await;
    let request = WatchHoldersRequest { parent: P1.into(), after: before, ..Default::default() };
    let mut watched = Watched::begin(world.health().watch_holders(request).await);
    assert!(watched.next().await.holders.is_empty(), "nothing was missed");
    update(&world, members(&stock.havip, &[&stock.b, &stock.c])).await;
    let nobody = holder(&world, &stock.havip).await;
    assert_eq!((nobody.state(), &*nobody.instance), (State::None, ""));
    assert_eq!(watched.next().await.holders, [nobody]);
    let told = wait_until("health to say so", async || {
        let told = world.events(before).await;
        if told.len() > 1 { Ok(told) } else { Err(told) }
    })
    .await;
    let [Kind::HavipUpdated(updated), Kind::HolderWithdrawn(gone)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(updated.members.len(), 2);
    assert_eq!((&*gone.holder.as_ref().unwrap().instance, &*gone.reason), ("vm-a", "EXCLUDED"));

    claims(&world, &stock.havip, &stock.a, ago(0)).await;
    assert_eq!(rejections(&world).await.len(), 1, "a stranger's by now");
    claims(&world, &stock.havip, &stock.c, ago(0)).await;
    assert_eq!(holder(&world, &stock.havip).await.instance, "vm-c");
}

#[tokio::test]
async fn one_that_is_opened_to_its_subnet_and_closed_again() {
    let (world, stock) = World::stocked().await;
    let open = Havip { claim_policy: ClaimPolicy::Subnet.into(), ..stock.havip.clone() };
    assert_eq!(update(&world, change(open, &["claim_policy"])).await.claim_policy(), ClaimPolicy::Subnet);
    claims(&world, &stock.havip, &stock.c, ago(9)).await;
    assert_eq!(holder(&world, &stock.havip).await.instance, "vm-c");
    // Unspecified in a field that is named is the default, as where it is made.
    let closed = change(Havip { claim_policy: 0, ..stock.havip.clone() }, &["claim_policy"]);
    assert_eq!(update(&world, closed).await.claim_policy(), ClaimPolicy::Members);
    assert_eq!(holder(&world, &stock.havip).await.state(), State::None);
}

#[tokio::test]
async fn without_a_mask_what_is_set_changes_and_with_a_star_all_of_it() {
    let (world, stock) = World::stocked().await;
    let some = Havip {
        name: stock.havip.name.clone(),
        display_name: "shown".into(),
        announce: true,
        ..Default::default()
    };
    let request = UpdateHavipRequest { havip: Some(some.clone()), ..Default::default() };
    let updated = update(&world, request).await;
    assert_eq!((&*updated.display_name, updated.announce, updated.members.len()), ("shown", true, 2));
    assert_eq!(updated.damping, stock.havip.damping);
    assert_eq!(ok(world.get_havip(&format!("{P1}/havips/shown")).await), updated);

    let damping = Some(Damping { step_ms: 2000, cap_ms: 4000 });
    let all = Havip { damping, announce: false, ..some };
    let replaced = update(&world, change(all, &["*"])).await;
    assert_eq!((replaced.members.len(), replaced.announce, replaced.damping), (0, false, damping));
    assert_eq!(replaced.display_name, "shown");
    assert_eq!((&replaced.address, &replaced.subnet), (&stock.havip.address, &stock.havip.subnet));
}

#[tokio::test]
async fn what_can_not_change_is_refused_and_named() {
    let (world, stock) = World::stocked().await;
    let back = world.havip(&stock.subnet, "back", "", &[]).await;
    let before = world.tail().await;
    for path in ["address", "subnet", "name", "binding", "position", "vpc", "colour", "members.name"] {
        let refusal = refuse(&world, change(stock.havip.clone(), &["members", path])).await;
        assert_eq!(refusal.brief(), invalid("update_mask"), "{path}");
        assert!(refusal.message.contains(path) && refusal.message.contains("display_name"), "{refusal:?}");
    }
    let damping = Some(Damping { step_ms: 2, cap_ms: 1 });
    let taken = (Code::AlreadyExists, "NAME_TAKEN", "havip.display_name");
    let nobody = Vnic { name: format!("{P1}/vnics/{NOBODY}"), ..Default::default() };
    for (request, expected) in [
        (change(Havip { damping, ..stock.havip.clone() }, &["damping"]), invalid("havip.damping")),
        (
            change(Havip { claim_policy: 7, ..stock.havip.clone() }, &["claim_policy"]),
            invalid("havip.claim_policy"),
        ),
        (
            change(Havip { display_name: String::new(), ..stock.havip.clone() }, &["*"]),
            invalid("havip.display_name"),
        ),
        (
            change(
                Havip { display_name: back.display_name.clone(), ..stock.havip.clone() },
                &["display_name"],
            ),
            taken,
        ),
        (members(&stock.havip, &[&stock.a, &stock.a]), invalid("havip.members")),
        (members(&stock.havip, &[&nobody]), not_found("havip.members")),
        (
            members(&Havip { name: format!("{P1}/havips/{NOBODY}"), ..back.clone() }, &[]),
            not_found("havip.name"),
        ),
        (
            members(&Havip { name: format!("{P2}/havips/{}", id(&back.name)), ..back.clone() }, &[]),
            not_found("havip.name"),
        ),
        (members(&Havip { name: "front".into(), ..back.clone() }, &[]), invalid("havip.name")),
        (UpdateHavipRequest::default(), invalid("havip")),
    ] {
        assert_eq!(refuse(&world, request).await.brief(), expected);
    }
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn a_change_can_be_foretold_and_one_of_an_older_state_is_refused() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let only = UpdateHavipRequest { validate_only: true, ..members(&stock.havip, &[&stock.c]) };
    let foretold = update(&world, only).await;
    assert_eq!((foretold.members, foretold.position), (vec![stock.c.name.clone()], 0));
    assert_eq!(world.tail().await, before, "nothing was stored");
    let at =
        |expected_revision| UpdateHavipRequest { expected_revision, ..members(&stock.havip, &[&stock.c]) };
    let refusal = refuse(&world, at(stock.havip.position + 1)).await;
    assert_eq!(refusal.brief(), (Code::Aborted, "STALE_REVISION", "expected_revision"));
    let now = update(&world, at(stock.havip.position)).await;
    // It says what is so already, and yet on an older state.
    assert_eq!(refuse(&world, at(stock.havip.position)).await.reason, "STALE_REVISION");
    assert_eq!(update(&world, at(now.position)).await, now);
}

#[tokio::test]
async fn a_change_is_made_once_for_each_request_id_also_across_a_crash() {
    let (mut world, stock) = World::stocked().await;
    let request_id = uuid::Uuid::now_v7().to_string();
    let request = UpdateHavipRequest { request_id, ..members(&stock.havip, &[&stock.c]) };
    let first = update(&world, request.clone()).await;
    world.crash().await;
    update(&world, members(&stock.havip, &[&stock.b])).await;
    let tail = world.tail().await;
    assert_eq!(update(&world, request.clone()).await, first, "it answers as the first did");
    assert_eq!(world.tail().await, tail);
    assert_eq!(ok(world.get_havip(&stock.havip.name).await).members, [stock.b.name]);
    let other = UpdateHavipRequest { update_mask: None, ..request };
    assert_eq!(refuse(&world, other).await.brief(), invalid("request_id"));
}

#[tokio::test]
async fn moor_adds_and_removes_members_by_the_names_that_people_use() {
    let (world, stock) = World::stocked().await;
    let updated = world.server.ask("havip update front --add-member vm-c --remove-member vm-a").unwrap();
    assert_eq!(updated["members"], serde_json::json!([stock.b.name, stock.c.name]));
    let rules = "--claims subnet --damping 2s/4s --announce on --display-name shown";
    let updated = world.server.ask(&format!("havip update front {rules}")).unwrap();
    assert_eq!((&updated["announce"], &updated["display_name"]), (&true.into(), &"shown".into()));
    for (line, exit, field) in [
        ("havip update shown --remove-member vm-a", 3, "--remove-member"),
        ("havip update shown --add-member vm-z", 3, "--add-member"),
        ("havip update front --announce off", 3, "HAVIP"),
        ("havip update shown --damping 5s/4s", 2, "--damping"),
    ] {
        let refusal = world.server.refuse(line).unwrap();
        assert_eq!((refusal.exit, &*refusal.field), (exit, field), "{line}: {refusal:?}");
    }
}
