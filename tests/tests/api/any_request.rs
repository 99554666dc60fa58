//! What holds for every request: an empty one names a field, a huge one is refused, whoever asks is written down.

use mooring_proto::resource::v1 as resource;
use mooring_tests::channel::Channel;
use prost::Message;
use tonic::{Code, Request, Response, Status, client::Grpc};
use tonic_prost::ProstCodec;

use crate::{
    bad_requests::pool,
    given::*,
    refused::{invalid, refused},
};

/// Every method of every service of the API, by its descriptor: one that is added later is asked as well.
async fn every_method() -> Vec<(String, bool)> {
    let files = prost_types::FileDescriptorSet::decode(mooring_proto::DESCRIPTORS).unwrap();
    let mut methods = Vec::new();
    for file in files.file.iter().filter(|file| file.package().starts_with("mooring.")) {
        for service in &file.service {
            let path = |name: &str| format!("/{}.{}/{name}", file.package(), service.name());
            methods
                .extend(service.method.iter().map(|method| (path(method.name()), method.server_streaming())));
        }
    }
    methods
}

/// Calls a method with a request of no fields.
pub async fn empty(channel: &Channel, path: &str, streams: bool) -> Result<Response<()>, Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let (path, codec) = (path.parse().unwrap(), ProstCodec::<(), ()>::default());
    if streams {
        client.server_streaming(Request::new(()), path, codec).await.map(|answer| answer.map(drop))
    } else {
        client.unary(Request::new(()), path, codec).await
    }
}

#[tokio::test]
async fn an_empty_request_of_every_method_names_a_field() {
    let world = World::new().await;
    let before = world.tail().await;
    let methods = every_method().await;
    assert!(methods.len() >= 36, "{methods:?}");
    for (path, streams) in methods {
        let refusal = refused(empty(&world.channel, &path, streams).await);
        assert_eq!(refusal.brief(), invalid(&refusal.field), "{path}: {refusal:?}");
    }
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn a_request_of_ten_megabytes_is_refused_and_the_server_serves_on() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let status = world.get_eip(&"x".repeat(10 << 20)).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    assert!(status.message().contains("too large"), "{status:?}");
    assert_eq!(world.tail().await, before);
    assert_eq!(ok(world.get_eip(&stock.eip.name).await), stock.eip);
}

/// It fits into a message, but what it decides does not fit into a record.
#[tokio::test]
async fn a_pool_of_more_blocks_than_a_record_holds_is_refused_for_good() {
    let world = World::new().await;
    let before = world.tail().await;
    let blocks: Vec<String> =
        (0..60_000_u32).map(|n| format!("{}/32", std::net::Ipv4Addr::from(0x0b00_0000 + 2 * n))).collect();
    let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
    let refusal = pool(&world, "x", &blocks).await;
    assert_eq!(refusal.code, Code::InvalidArgument, "{refusal:?}");
    assert!(!refusal.retryable && refusal.message.contains("bytes"), "{refusal:?}");
    assert_eq!(world.tail().await, before);
}

/// Nobody's word about somebody else reaches the log: an actor is text of a bounded length.
#[tokio::test]
async fn an_actor_is_cut_to_a_bounded_length() {
    let world = World::new().await;
    let vpc = resource::Vpc { display_name: "blue".into(), ..Default::default() };
    let mut request =
        Request::new(resource::CreateVpcRequest { parent: P1.into(), vpc: Some(vpc), ..Default::default() });
    request.metadata_mut().insert("mooring-actor", "a".repeat(1000).parse().unwrap());
    let position = ok(world.resource().create_vpc(request).await).position;
    let commits = world.commits_of(R1, position - 1).await;
    assert_eq!(commits[0].actor, "a".repeat(128));
}
