//! A watch gives what a filter asks for as it happens, goes on from any place, and outlives a restart of the server.

use std::time::Duration;

use mooring_proto::dataplane::v1::{
    EventFilter, WatchEventsRequest, WatchEventsResponse, events_service_client::EventsServiceClient,
};
use mooring_tests::{Mooringd, lab};

use crate::given::*;

const PATIENT: Duration = Duration::from_secs(30);

/// The first so many answers to a watch.
fn watch(server: &Mooringd, request: WatchEventsRequest, count: usize) -> Vec<WatchEventsResponse> {
    let request = WatchEventsRequest { parent: R1.into(), ..request };
    server
        .call(async |channel| {
            let mut stream =
                EventsServiceClient::new(channel).watch_events(request).await.unwrap().into_inner();
            let mut answers = Vec::new();
            while answers.len() < count {
                let next = tokio::time::timeout(PATIENT, stream.message()).await;
                answers.push(next.expect("no event in time").unwrap().expect("the stream ended"));
            }
            answers
        })
        .unwrap()
}

fn of_havip() -> Option<EventFilter> {
    Some(EventFilter { havip: format!("{P1}/havips/front"), ..Default::default() })
}

#[test]
fn from_every_position_and_every_token_it_gives_what_follows_once_and_in_order() {
    let server = lived();
    for filter in [None, of_havip()] {
        let all = list(&server, &filter.clone().unwrap_or_default(), 0);
        let request = WatchEventsRequest { filter: filter.clone(), ..Default::default() };
        let seen = watch(&server, request, all.len());
        let commits: Vec<_> = seen.iter().map(|answer| answer.commit.clone().unwrap()).collect();
        assert_eq!(commits, all);
        for (n, answer) in seen.iter().enumerate().take(seen.len() - 1) {
            let filter = filter.clone();
            let rest: Vec<_> = all[n + 1..].to_vec();
            let token = answer.resume_token.clone();
            let by_token =
                WatchEventsRequest { filter: filter.clone(), resume_token: token, ..Default::default() };
            let after = all[n].position;
            let by_position = WatchEventsRequest { filter, after_position: after, ..Default::default() };
            for request in [by_token, by_position] {
                let resumed = watch(&server, request, rest.len());
                let resumed: Vec<_> = resumed.into_iter().map(|answer| answer.commit.unwrap()).collect();
                assert_eq!(resumed, rest, "after {after}");
            }
        }
    }
}

#[test]
fn what_happens_later_comes_if_it_was_asked_for() {
    let server = lived();
    let before = list(&server, &of_havip().unwrap(), 0).len();
    let tail = commits(&server).last().unwrap()["position"].as_u64().unwrap();
    std::thread::scope(|scope| {
        let request = WatchEventsRequest { filter: of_havip(), after_position: tail, ..Default::default() };
        let watching = scope.spawn(|| watch(&server, request, 2));
        server.ask("vpc create green").unwrap();
        server.claim(lab::MAC_B).unwrap();
        server.claim(lab::MAC_A).unwrap();
        let seen: Vec<_> =
            watching.join().unwrap().into_iter().map(|answer| answer.commit.unwrap()).collect();
        assert_eq!(seen, list(&server, &of_havip().unwrap(), 0)[before..]);
    });
}

#[test]
fn a_token_goes_on_at_a_server_that_was_killed_meanwhile() {
    let mut server = lived();
    let all = list(&server, &EventFilter::default(), 0);
    let first = watch(&server, WatchEventsRequest::default(), all.len());
    let token = first[all.len() - 1].resume_token.clone();
    server.restart(None).unwrap();
    server.ask("vpc create green").unwrap();
    server.ask("vpc create white").unwrap();
    let request = || WatchEventsRequest { resume_token: token.clone(), ..Default::default() };
    // The gateway registers again by itself at some time, which writes nothing that was there.
    let now = list(&server, &EventFilter::default(), 0);
    let rest = watch(&server, request(), now.len() - all.len());
    let rest: Vec<_> = rest.into_iter().map(|answer| answer.commit.unwrap()).collect();
    assert_eq!(rest, now[all.len()..]);
    assert!(kinds(&rest).ends_with(&["vpc_created".into(), "vpc_created".into()]), "{:?}", kinds(&rest));
}
