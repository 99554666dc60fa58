//! What each filter finds.

use mooring_domain::Event;
use mooring_proto::dataplane::v1::{EventFilter, ListEventsRequest};

use crate::given::*;

/// What concerns the EIP: its own events, its binding's, and the holder's while it fronted the HAVIP.
const OF_EIP: [&str; 9] = [
    "eip_allocated",
    "bind_requested",
    "hold_placed",
    "bound",
    "holder_changed",
    "claim_rejected",
    "unbind_requested",
    "hold_released",
    "unbound",
];
const OF_HAVIP: [&str; 11] = [
    "havip_created",
    "holder_changed",
    "bind_requested",
    "hold_placed",
    "bound",
    "holder_changed",
    "claim_rejected",
    "unbind_requested",
    "hold_released",
    "unbound",
    "holder_changed",
];

fn of_eip(name: &str) -> EventFilter {
    EventFilter { eip: name.to_owned(), ..Default::default() }
}

#[test]
fn the_words_for_kinds_are_the_names_of_the_events() {
    let mut names: Vec<String> = words().into_iter().map(|(_, name)| name).collect();
    let mut known = Event::WORDS.to_vec();
    names.sort();
    known.sort_unstable();
    assert_eq!(known, names);
}

#[test]
fn an_eip_or_a_havip_has_its_own_events_its_bindings_and_its_holders_by_every_name() {
    let server = lived();
    let (eip, havip) = (name(&server, "eip get web"), name(&server, "havip get front"));
    for name in [&*eip, "projects/p1/regions/r1/eips/web", "projects/p1/regions/r1/eips/203.0.113.70"] {
        for page_size in [0, 1, 4] {
            assert_eq!(kinds(&list(&server, &of_eip(name), page_size)), OF_EIP, "{name} by {page_size}");
        }
    }
    for name in [&*havip, "projects/p1/regions/r1/havips/front"] {
        let filter = EventFilter { havip: name.to_owned(), ..Default::default() };
        assert_eq!(kinds(&list(&server, &filter, 3)), OF_HAVIP, "{name}");
    }
    // A gateway's kernel is not asked, and who was rejected is told, too: vm-b's takeover is the change in between.
    let both = EventFilter { havip, kinds: vec!["holder_changed".into()], ..of_eip(&eip) };
    assert_eq!(kinds(&list(&server, &both, 0)), ["holder_changed"]);
}

#[test]
fn names_and_addresses_that_were_had_again_ask_for_everybody_who_had_them() {
    let server = server();
    server.stock().unwrap();
    server.ask("eip release web").unwrap();
    server.ask("eip allocate web --address 203.0.113.71").unwrap();
    let found = kinds(&list(&server, &of_eip("projects/p1/regions/r1/eips/web"), 0));
    assert_eq!(found, ["eip_allocated", "eip_released", "eip_allocated"]);
    let gone = kinds(&list(&server, &of_eip("projects/p1/regions/r1/eips/203.0.113.70"), 0));
    assert_eq!(gone, ["eip_allocated", "eip_released"]);
}

#[test]
fn projects_actors_and_kinds_can_be_asked_for_alone_and_together() {
    let server = lived();
    let actor = commits(&server)[1]["actor"].as_str().unwrap().to_owned();
    let of = |project: &str, actor: &str, kinds: &[&str]| EventFilter {
        project: project.into(),
        actor: actor.into(),
        kinds: kinds.iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    assert_eq!(kinds(&list(&server, &of("p2", "", &[]), 0)), ["vpc_created"]);
    let ours = kinds(&list(&server, &of("p1", "", &[]), 0));
    let all = kinds(&list(&server, &EventFilter::default(), 2));
    assert_eq!(all.len(), commits(&server).len(), "one event in each commit of this life");
    let not_ours = ["gateway_registered", "pool_created", "vpc_created"];
    assert_eq!(ours.len() + not_ours.len(), all.len(), "{all:?}");
    assert_eq!(kinds(&list(&server, &of("p1", "", &["vpc_created", "bound"]), 0)), ["vpc_created", "bound"]);
    assert_eq!(kinds(&list(&server, &of("p2", &actor, &["vpc_created"]), 0)), ["vpc_created"]);
    assert!(kinds(&list(&server, &of("p2", &actor, &["bound"]), 0)).is_empty());
    let asked = list(&server, &of("", &actor, &[]), 0);
    assert!(asked.iter().all(|commit| commit.actor == actor) && asked.len() > 8, "{}", asked.len());
}

#[test]
fn a_time_and_positions_narrow_what_is_found() {
    let server = lived();
    let all = list(&server, &EventFilter::default(), 0);
    for at in 0..all.len() {
        let (from, to) = (all[at].recorded_at, all[(at + 4).min(all.len() - 1)].recorded_at);
        let filter = EventFilter { recorded_from: from, recorded_to: to, ..Default::default() };
        let inside = all.iter().filter(|commit| (from..=to).contains(&commit.recorded_at));
        assert_eq!(list(&server, &filter, 3), inside.cloned().collect::<Vec<_>>(), "from {from} to {to}");
        let (after, up_to) = (all[at].position, all[(at + 4).min(all.len() - 1)].position);
        let request =
            ListEventsRequest { after_position: after, up_to_position: up_to, ..Default::default() };
        let between = all.iter().filter(|commit| commit.position > after && commit.position <= up_to);
        let found = page(&server, request).unwrap();
        assert_eq!(found.commits, between.cloned().collect::<Vec<_>>(), "{after} to {up_to}");
        assert_eq!(found.next_page_token, "");
    }
}
