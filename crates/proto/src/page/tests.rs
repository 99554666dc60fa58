//! Pages in an order, of things that are made up here.

use mooring_domain::id::Vpc;
use tonic_types::StatusExt;
use uuid::Uuid;

use super::*;
use crate::resource::v1 as api;

/// A thing with an id and an address.
type Thing = (u128, String);

fn things(addresses: &[&str]) -> Vec<Thing> {
    (1..).zip(addresses).map(|(id, address)| (id, (*address).to_owned())).collect()
}

fn page(asked: Asked<'_>, things: &[Thing]) -> Result<(Vec<String>, String), Status> {
    let page = parse::<Vpc, api::Vnic>(asked)?;
    let after = page.after.map_or(0, |after| after.uuid().as_u128());
    let items = things.iter().filter(|(id, _)| *id > after);
    let id = |thing: &&Thing| Id::new(Uuid::from_u128(thing.0));
    let message = |thing: &Thing| api::Vnic { address: thing.1.clone(), ..Default::default() };
    let (taken, token) = page.take(items, id, message)?;
    Ok((taken.into_iter().map(|vnic| vnic.address).collect(), token))
}

fn ordered(order: &str, things: &[Thing]) -> Vec<String> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let (some, next) = page(Asked { size: 2, order, token: &token, ..Asked::default() }, things).unwrap();
        assert!(some.len() <= 2);
        all.extend(some);
        if next.is_empty() {
            return all;
        }
        token = next;
    }
}

#[test]
fn addresses_are_ordered_as_such_and_equals_by_creation() {
    let these = things(&["10.0.0.10", "10.0.0.9", "10.0.0.100", "", "10.0.0.9"]);
    assert_eq!(ordered("", &these), ["10.0.0.10", "10.0.0.9", "10.0.0.100", "", "10.0.0.9"]);
    assert_eq!(ordered("address", &these), ["10.0.0.9", "10.0.0.9", "10.0.0.10", "10.0.0.100", ""]);
    assert_eq!(ordered(" address  desc", &these), ["", "10.0.0.100", "10.0.0.10", "10.0.0.9", "10.0.0.9"]);
    assert_eq!(ordered("instance, address", &these), ordered("address", &these));
}

#[test]
fn what_comes_and_goes_moves_nothing() {
    let mut these = things(&["10.0.0.4", "10.0.0.2", "10.0.0.6", "10.0.0.8"]);
    let asked = Asked { size: 2, order: "address", ..Asked::default() };
    let (first, token) = page(asked, &these).unwrap();
    assert_eq!(first, ["10.0.0.2", "10.0.0.4"]);
    these.retain(|(_, address)| *address != "10.0.0.4");
    these.extend([(9, "10.0.0.3".to_owned()), (10, "10.0.0.7".to_owned())]);
    let (second, _) = page(Asked { token: &token, ..asked }, &these).unwrap();
    assert_eq!(second, ["10.0.0.6", "10.0.0.7"]);
    let wrong = page(Asked { token: &token, order: "address desc", ..asked }, &these).unwrap_err();
    assert!(wrong.message().contains("another list"), "{wrong:?}");
}

#[test]
fn an_order_that_is_none_is_refused() {
    for order in ["nothing", "address up", "address desc desc", "address,", ",", "address, address desc"] {
        let refused = page(Asked { order, ..Asked::default() }, &[]).unwrap_err();
        let field = refused.get_error_details().error_info().unwrap().metadata["field"].clone();
        assert_eq!(field, "order_by", "{order}: {refused:?}");
    }
}

#[test]
fn a_list_that_is_too_long_to_be_ordered_says_so() {
    let many: Vec<Thing> = (1..=LOOKS as u128 + 1).map(|id| (id, String::new())).collect();
    let order = "address";
    let refused = page(Asked { order, ..Asked::default() }, &many).unwrap_err();
    assert_eq!(refused.get_error_details().error_info().unwrap().reason, "TOO_MANY_TO_ORDER");
    page(Asked { order, ..Asked::default() }, &many[..LOOKS]).unwrap();
}
