//! What the server says of itself: its services, its health, and its log in pages and as it grows.

use mooring_proto::dataplane::v1::{Commit, ListCommitsRequest, WatchCommitsRequest};
use tonic::Streaming;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::{
    given::*,
    refused::{invalid, not_found, refused},
};

async fn reflect(world: &World, question: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut client = ServerReflectionClient::new(world.channel.clone());
    let mut answers = ok(client.server_reflection_info(futures::stream::iter([request])).await);
    answers.message().await.unwrap().unwrap().message_response.unwrap()
}

#[tokio::test]
async fn reflection_lists_every_service_and_describes_it() {
    let world = World::new().await;
    let listed = reflect(&world, MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(listed) = listed else { panic!("{listed:?}") };
    let mut names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    names.sort();
    let all = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "mooring.binding.v1.BindingService",
        "mooring.binding.v1.GatewayService",
        "mooring.dataplane.v1.CustodyService",
        "mooring.dataplane.v1.DataplaneService",
        "mooring.dataplane.v1.EventsService",
        "mooring.dataplane.v1.ExplainService",
        "mooring.dataplane.v1.PastService",
        "mooring.health.v1.FailoverService",
        "mooring.health.v1.HealthService",
        "mooring.resource.v1.HoldService",
        "mooring.resource.v1.ResourceService",
    ];
    assert_eq!(names, all);
    for name in names {
        let described = reflect(&world, MessageRequest::FileContainingSymbol(name.clone())).await;
        assert!(matches!(described, MessageResponse::FileDescriptorResponse(_)), "{name}: {described:?}");
    }
}

#[tokio::test]
async fn the_health_check_says_serving() {
    let world = World::new().await;
    let check = HealthClient::new(world.channel.clone()).check(HealthCheckRequest::default()).await;
    assert_eq!(ok(check).status(), ServingStatus::Serving);
}

async fn watch(world: &World, after: u64) -> Streaming<mooring_proto::dataplane::v1::WatchCommitsResponse> {
    ok(world.dataplane().watch_commits(WatchCommitsRequest { parent: R1.into(), after }).await)
}

/// The next commits up to and including a position.
async fn up_to(
    stream: &mut Streaming<mooring_proto::dataplane::v1::WatchCommitsResponse>,
    position: u64,
) -> Vec<Commit> {
    let mut commits: Vec<Commit> = Vec::new();
    while commits.last().is_none_or(|last| last.position < position) {
        let next = tokio::time::timeout(PATIENT, stream.message()).await.expect("no commit in time");
        commits.push(next.unwrap().unwrap().commit.unwrap());
    }
    commits
}

#[tokio::test]
async fn watching_gives_each_commit_once_and_in_order_and_goes_on_from_any_position() {
    let (world, stock) = World::stocked().await;
    let mut from_start = watch(&world, 0).await;
    let old = world.tail().await;
    let mut seen = up_to(&mut from_start, old).await;
    ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    ok(world.unbind(&stock.eip.name).await);
    let tail = world.tail().await;
    seen.extend(up_to(&mut from_start, tail).await);
    let all = world.commits_of(R1, 0).await;
    assert_eq!(seen, all);
    let positions: Vec<_> = all.iter().map(|commit| (commit.position, commit.index)).collect();
    assert!(positions.is_sorted_by(|one, next| one < next), "{positions:?}");
    for after in [1, old, tail - 1] {
        let mut resumed = watch(&world, after).await;
        let expected: Vec<_> = all.iter().filter(|commit| commit.position > after).cloned().collect();
        assert_eq!(up_to(&mut resumed, tail).await, expected, "after {after}");
    }
}

#[tokio::test]
async fn positions_have_no_gaps_and_times_do_not_go_back() {
    let (world, stock) = World::stocked().await;
    ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let all = world.commits_of(R1, 0).await;
    let mut positions: Vec<_> = all.iter().map(|commit| commit.position).collect();
    positions.dedup();
    assert_eq!(positions, (1..=world.tail().await).collect::<Vec<_>>());
    assert!(all.is_sorted_by_key(|commit| commit.recorded_at));
}

#[tokio::test]
async fn commits_are_listed_in_pages() {
    let (world, _) = World::stocked().await;
    let all = world.commits_of(R1, 0).await;
    let page = async |after, page_size| {
        let request = ListCommitsRequest { parent: R1.into(), after, page_size };
        world.dataplane().list_commits(request).await
    };
    let (mut walked, mut after) = (Vec::new(), 0);
    loop {
        let one = ok(page(after, 1).await);
        walked.extend(one.commits);
        match one.next_after {
            0 => break,
            next => after = next,
        }
    }
    assert_eq!(walked, all);
    assert_eq!(ok(page(world.tail().await, 0).await).commits, []);
    for size in [-1, 1001] {
        assert_eq!(refused(page(0, size).await).brief(), invalid("page_size"));
    }
    let request = ListCommitsRequest { parent: "regions/r9".into(), ..Default::default() };
    assert_eq!(refused(world.dataplane().list_commits(request).await).brief(), not_found("parent"));
}

#[tokio::test]
async fn a_commit_says_who_asked() {
    let world = World::new().await;
    let request_id = uuid::Uuid::now_v7().to_string();
    world.pool(R1, "public", "203.0.113.0/28").await;
    let mut request = tonic::Request::new(allocate_eip(P1, "web"));
    request.get_mut().request_id.clone_from(&request_id);
    request.metadata_mut().insert("mooring-actor", "alice".parse().unwrap());
    let position = ok(world.resource().allocate_eip(request).await).position;
    let commits = world.commits_of(R1, position - 1).await;
    let commit = &commits[0];
    assert_eq!((&*commit.actor, &commit.request_id, &*commit.stream), ("alice", &request_id, "resource"));
    assert_eq!(world.commits_of(R1, position - 2).await[0].actor, "anonymous");
}
