//! The rules can fail: of a true log any event of a binding is left out, and that is found.

use mooring_proto::dataplane::v1::Commit;
use mooring_proto::event::v1::event::Kind;
use mooring_tests::{Client, Mooringd, server::Options};
use uuid::Uuid;

use crate::fold::Fold;
use crate::{given, holds};

/// Binds, moves and unbinds, with one binding left in the end.
fn life() -> Mooringd {
    let server = Mooringd::alone(Options::default()).unwrap();
    server.stock().unwrap();
    for line in
        ["havip create back --subnet web", "bind web front", "move web back", "unbind web", "bind web front"]
    {
        server.ask(line).unwrap();
    }
    server
}

fn is_of_a_binding(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::BindRequested(_)
            | Kind::HoldPlaced(_)
            | Kind::Bound(_)
            | Kind::UnbindRequested(_)
            | Kind::HoldReleased(_)
            | Kind::Unbound(_)
    )
}

/// The log without its event of this number.
fn without(commits: &[Commit], number: usize) -> Vec<Commit> {
    let (mut commits, mut count) = (commits.to_vec(), 0);
    for commit in &mut commits {
        commit.events.retain(|_| {
            count += 1;
            count != number + 1
        });
    }
    commits
}

#[test]
fn an_event_that_is_left_out_is_found() {
    let server = life();
    let (commits, held) = (given::commits(&server), given::holds(&server));
    let verdict = |commits: &[Commit]| Fold::of(commits).and_then(|fold| holds::agree(&fold, &held));
    verdict(&commits).unwrap();
    let events: Vec<_> = commits.iter().flat_map(|commit| &commit.events).collect();
    let mut left_out = 0;
    for (number, event) in events.iter().enumerate() {
        if event.kind.as_ref().is_some_and(is_of_a_binding) {
            assert!(verdict(&without(&commits, number)).is_err(), "nobody misses {event:?}");
            left_out += 1;
        }
    }
    assert_eq!(left_out, 3 + 6 + 3 + 3, "a bind, a move, an unbind, a bind");
}

#[test]
fn a_hold_that_is_left_over_is_found() {
    let server = life();
    let (fold, mut held) = (Fold::of(&given::commits(&server)).unwrap(), given::holds(&server));
    held.insert(Uuid::now_v7());
    assert!(holds::agree(&fold, &held).is_err());
}

#[test]
fn a_request_that_is_stored_twice_is_found() {
    let server = life();
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (eip, request) =
        (server.ask("eip get web").unwrap()["name"].as_str().unwrap().to_owned(), Uuid::now_v7());
    client.block_on(async {
        Client::connect(server.address()).await.unwrap().unbind(&eip, request).await.unwrap();
    });
    let mut commits = given::commits(&server);
    Fold::of(&commits).unwrap();
    let twice = commits.iter().find(|commit| commit.request_id == request.to_string()).unwrap().clone();
    commits.push(Commit { events: Vec::new(), ..twice });
    assert!(Fold::of(&commits).is_err());
}
