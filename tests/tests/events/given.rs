//! What the stories begin with: a life of two projects, lived with a real `mooringd`, and ways to ask for its events.

use mooring_proto::dataplane::v1::{
    Commit, EventFilter, ListEventsRequest, ListEventsResponse, events_service_client::EventsServiceClient,
};
use mooring_tests::{Mooringd, lab, server::Options};
use prost::Message;
use prost_types::FileDescriptorSet;
use serde_json::Value;
use tonic::Status;

/// The region of all stories.
pub const R1: &str = "regions/r1";
/// The project of most.
pub const P1: &str = "projects/p1/regions/r1";

/// A server that writes nothing by itself any more: its gateway has registered.
pub fn server() -> Mooringd {
    Mooringd::alone(Options::default()).unwrap()
}

/// A HAVIP that vm-a holds, then an EIP that fronts it and sees vm-b take over, then vm-a holds it alone again. Beside them
/// a project that has a VPC.
pub fn lived() -> Mooringd {
    let server = server();
    server.stock().unwrap();
    server.ask("vpc create red --project p2").unwrap();
    server.claim(lab::MAC_A).unwrap();
    server.ask("bind web front").unwrap();
    server.claim(lab::MAC_B).unwrap();
    server.claim(lab::MAC_C).unwrap();
    server.ask("unbind web").unwrap();
    server.claim(lab::MAC_A).unwrap();
    server
}

/// The name of something that `moor` shows.
pub fn name(server: &Mooringd, line: &str) -> String {
    server.ask(line).unwrap()["name"].as_str().unwrap().to_owned()
}

/// One page.
pub fn page(server: &Mooringd, request: ListEventsRequest) -> Result<ListEventsResponse, Status> {
    let request = ListEventsRequest { parent: R1.to_owned(), ..request };
    let call = async |channel| EventsServiceClient::new(channel).list_events(request).await;
    server.call(call).unwrap().map(tonic::Response::into_inner)
}

/// All that a filter asks for, read in pages of this size.
pub fn list(server: &Mooringd, filter: &EventFilter, page_size: i32) -> Vec<Commit> {
    let (mut commits, mut token) = (Vec::new(), String::new());
    loop {
        let filter = Some(filter.clone());
        let request =
            ListEventsRequest { filter, page_size, page_token: token.clone(), ..Default::default() };
        let answer = page(server, request).unwrap();
        commits.extend(answer.commits);
        if answer.next_page_token.is_empty() {
            return commits;
        }
        token = answer.next_page_token;
    }
}

/// The words of the events in these commits, in order. A hold may be stored before the request that it is for: here it
/// comes behind.
pub fn kinds(commits: &[Commit]) -> Vec<String> {
    let mut kinds: Vec<String> = commits.iter().flat_map(|commit| &commit.events).map(kind).collect();
    for at in 1..kinds.len() {
        if kinds[at - 1] == "hold_placed" && kinds[at] == "bind_requested" {
            kinds.swap(at - 1, at);
        }
    }
    kinds
}

/// The name of the field that an event is in.
fn kind(event: &mooring_proto::event::v1::Event) -> String {
    let bytes = event.encode_to_vec();
    let (tag, _) = prost::encoding::decode_key(&mut &bytes[..]).unwrap();
    words().into_iter().find(|(number, _)| *number == tag).unwrap().1
}

/// The kinds of events that the API has: number and name.
pub fn words() -> Vec<(u32, String)> {
    let set = FileDescriptorSet::decode(mooring_proto::DESCRIPTORS).unwrap();
    let file = set.file.into_iter().find(|file| file.name() == "mooring/event/v1/event.proto").unwrap();
    let event = file.message_type.into_iter().find(|message| message.name() == "Event").unwrap();
    event
        .field
        .iter()
        .map(|field| (u32::try_from(field.number()).unwrap(), field.name().to_owned()))
        .collect()
}

/// What is said about a refusal.
pub fn info(status: &Status) -> (tonic::Code, String, String) {
    use tonic_types::StatusExt;
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    (status.code(), info.reason.clone(), info.metadata.get("field").cloned().unwrap_or_default())
}

/// Every commit of the log, as `moor` shows it.
pub fn commits(server: &Mooringd) -> Vec<Value> {
    let log = server.moor("log -o json").unwrap();
    assert_eq!(log.exit, 0, "{}", log.error);
    log.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
