//! Questions that are refused, with the field and the rule.

use mooring_proto::dataplane::v1::{
    EventFilter, ListEventsRequest, WatchEventsRequest, events_service_client::EventsServiceClient,
};
use mooring_tests::Mooringd;
use tonic::{Code, Status};

use crate::given::*;

const NOBODY: &str = "01976e2a-0000-7000-8000-000000000001";

fn refused(server: &Mooringd, request: ListEventsRequest) -> Status {
    page(server, request).unwrap_err()
}

/// Of both methods.
#[track_caller]
fn check(server: &Mooringd, filter: EventFilter, expected: (Code, &str, &str), words: &str) {
    let filter = Some(filter);
    let listed = refused(server, ListEventsRequest { filter: filter.clone(), ..Default::default() });
    let request = WatchEventsRequest { parent: R1.into(), filter, ..Default::default() };
    let watch = async |channel| EventsServiceClient::new(channel).watch_events(request).await;
    let watched = server.call(watch).unwrap().map(drop).unwrap_err();
    for status in [listed, watched] {
        let (code, reason, field) = info(&status);
        assert_eq!((code, &*reason, &*field), expected, "{status:?}");
        assert!(status.message().contains(words), "{words:?} is not in: {}", status.message());
    }
}

#[test]
fn a_filter_that_names_nothing_known_says_so() {
    let server = lived();
    let unknown = |field| (Code::NotFound, "NOT_FOUND", field);
    let filter = EventFilter::default;
    for last in [NOBODY, "nobody", "203.0.113.99"] {
        let name = format!("{P1}/eips/{last}");
        check(&server, EventFilter { eip: name.clone(), ..filter() }, unknown("filter.eip"), &name);
        let name = format!("{P1}/havips/{last}");
        check(&server, EventFilter { havip: name.clone(), ..filter() }, unknown("filter.havip"), &name);
    }
    // It exists, and is somebody else's; or is a HAVIP's address, which is no EIP's.
    let eip = name(&server, "eip get web").replace("/p1/", "/p2/");
    check(&server, EventFilter { eip: eip.clone(), ..filter() }, unknown("filter.eip"), &eip);
    let address = format!("{P1}/eips/10.0.1.50");
    check(&server, EventFilter { eip: address, ..filter() }, unknown("filter.eip"), "10.0.1.50");
    check(&server, EventFilter { project: "p9".into(), ..filter() }, unknown("filter.project"), "p9");
    check(&server, EventFilter { actor: "no@body".into(), ..filter() }, unknown("filter.actor"), "no@body");
}

#[test]
fn a_filter_of_the_wrong_shape_names_its_field() {
    let server = lived();
    let wrong = |field| (Code::InvalidArgument, "INVALID_FIELD", field);
    let filter = EventFilter::default;
    check(&server, EventFilter { eip: "web".into(), ..filter() }, wrong("filter.eip"), "projects/{project}");
    let elsewhere = "projects/p1/regions/r2/eips/web".to_owned();
    check(&server, EventFilter { eip: elsewhere, ..filter() }, wrong("filter.eip"), "must be in region r1");
    let kind = format!("{P1}/eips/web");
    check(&server, EventFilter { havip: kind, ..filter() }, wrong("filter.havip"), "havips");
    check(&server, EventFilter { project: "P 1".into(), ..filter() }, wrong("filter.project"), "expected");
    let kinds = vec!["bound".to_owned(), "rebound".to_owned()];
    check(
        &server,
        EventFilter { kinds, ..filter() },
        wrong("filter.kinds"),
        "\"rebound\" is no kind of event",
    );
    let times = EventFilter { recorded_from: 2, recorded_to: 1, ..filter() };
    check(&server, times, wrong("filter.recorded_to"), "must not be before");
}

#[test]
fn a_position_outside_the_log_says_where_it_ends() {
    let server = lived();
    let tail = commits(&server).last().unwrap()["position"].as_u64().unwrap();
    let ends = format!("there is no record {}: the log ends at {tail}", tail + 1);
    let after = ListEventsRequest { after_position: tail + 1, ..Default::default() };
    let up_to = ListEventsRequest { up_to_position: tail + 1, ..Default::default() };
    for (request, field) in [(after, "after_position"), (up_to, "up_to_position")] {
        let status = refused(&server, request);
        let (code, reason, named) = info(&status);
        assert_eq!((code, &*reason, &*named), (Code::NotFound, "OUTSIDE_THE_LOG", field));
        assert!(status.message().contains(&ends), "{}", status.message());
    }
    let request = WatchEventsRequest { parent: R1.into(), after_position: tail + 1, ..Default::default() };
    let watch = async |channel| EventsServiceClient::new(channel).watch_events(request).await;
    let status = server.call(watch).unwrap().map(drop).unwrap_err();
    assert_eq!(info(&status).1, "OUTSIDE_THE_LOG", "{status:?}");
    // The end itself is in the log, and nothing is behind it.
    let end = page(&server, ListEventsRequest { after_position: tail, ..Default::default() }).unwrap();
    assert!(end.commits.is_empty() && end.next_page_token.is_empty());
}

#[test]
fn a_page_that_is_none_is_refused() {
    let server = lived();
    for size in [-1, 1001] {
        let status = refused(&server, ListEventsRequest { page_size: size, ..Default::default() });
        assert_eq!(info(&status), (Code::InvalidArgument, "INVALID_FIELD".into(), "page_size".into()));
    }
    let first = page(&server, ListEventsRequest { page_size: 1, ..Default::default() }).unwrap();
    let filter = Some(EventFilter { project: "p1".into(), ..Default::default() });
    for (token, filter) in [(first.next_page_token, filter), ("nonsense".to_owned(), None)] {
        let status = refused(&server, ListEventsRequest { page_token: token, filter, ..Default::default() });
        assert_eq!(info(&status), (Code::InvalidArgument, "INVALID_FIELD".into(), "page_token".into()));
        assert!(status.message().contains("everything else must be as it was"), "{}", status.message());
    }
}
