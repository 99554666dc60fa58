//! Whatever is wrong with a request in itself is told at once, field by field (AIP-193); and what is no request of the API at all is
//! refused in its words, too.

use std::fmt::Debug;

use mooring_proto::{
    binding::v1 as binding, health::v1 as health, mask::FieldMask, resource::v1 as resource,
};
use mooring_tests::channel::Channel;
use tonic::{Code, Request, Response, Status, client::Grpc};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

use crate::{
    any_request::empty,
    given::*,
    refused::{invalid, refused},
};

/// The fields that a refusal names, in the order of the answer.
#[track_caller]
fn wrong<T: Debug>(answer: Result<Response<T>, Status>) -> Vec<String> {
    let status = answer.map(Response::into_inner).expect_err("this must be refused");
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    for violation in &violations {
        assert!(status.message().contains(&violation.description), "{status:?}");
    }
    violations.into_iter().map(|violation| violation.field).collect()
}

const NO_ID: &str = "seven";

#[tokio::test]
async fn a_create_names_every_field_that_is_wrong() {
    let (world, _) = World::stocked().await;
    let before = world.tail().await;
    let pool = resource::Pool { cidrs: vec!["ten".into(), "203.0.113.0/33".into()], ..Default::default() };
    let request = resource::CreatePoolRequest {
        parent: "r1".into(),
        pool: Some(pool),
        request_id: NO_ID.into(),
        ..Default::default()
    };
    let fields = wrong(world.resource().create_pool(request).await);
    assert_eq!(fields, ["parent", "request_id", "pool.display_name", "pool.cidrs", "pool.cidrs"]);

    let subnet = resource::Subnet {
        vpc: "blue".into(),
        cidr: "10.0.0.0".into(),
        gateway_address: "one".into(),
        reserved: vec!["10.0.0.0/99".into()],
        ..Default::default()
    };
    let request = resource::CreateSubnetRequest {
        parent: "p1".into(),
        subnet: Some(subnet),
        request_id: NO_ID.into(),
        ..Default::default()
    };
    let mut fields = wrong(world.resource().create_subnet(request).await);
    fields.sort();
    let all =
        ["cidr", "display_name", "gateway_address", "reserved", "vpc"].map(|field| format!("subnet.{field}"));
    assert_eq!(fields, [&["parent".to_owned(), "request_id".to_owned()][..], &all].concat());

    let vnic = resource::Vnic { mac: "02".into(), address: "10".into(), ..Default::default() };
    let request = resource::CreateVnicRequest { parent: P1.into(), vnic: Some(vnic), ..Default::default() };
    let fields = wrong(world.resource().create_vnic(request).await);
    assert_eq!(fields, ["vnic.instance", "vnic.mac", "vnic.address", "vnic.subnet"]);

    let havip = resource::Havip {
        address: "10".into(),
        members: vec!["vm-a".into()],
        claim_policy: 7,
        ..Default::default()
    };
    let request =
        resource::CreateHavipRequest { parent: P1.into(), havip: Some(havip), ..Default::default() };
    let mut fields = wrong(world.resource().create_havip(request).await);
    fields.sort();
    let all = ["address", "claim_policy", "display_name", "members", "subnet"];
    assert_eq!(fields, all.map(|field| format!("havip.{field}")));

    let eip = resource::Eip {
        address: "10".into(),
        display_name: "two words".into(),
        pool: "public".into(),
        description: "\n".into(),
        labels: [("KEY".to_owned(), String::new())].into(),
        ..Default::default()
    };
    let request = resource::AllocateEipRequest { parent: P1.into(), eip: Some(eip), ..Default::default() };
    let mut fields = wrong(world.resource().allocate_eip(request).await);
    fields.sort();
    let all = ["address", "description", "display_name", "labels", "pool"];
    assert_eq!(fields, all.map(|field| format!("eip.{field}")));
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn an_update_a_bind_and_a_list_do_so_too() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let eip = resource::Eip { display_name: "two words".into(), ..Default::default() };
    let update_mask = Some(FieldMask { paths: vec!["address".into()] });
    let request = resource::UpdateEipRequest {
        eip: Some(eip),
        update_mask,
        request_id: NO_ID.into(),
        ..Default::default()
    };
    let mut fields = wrong(world.resource().update_eip(request).await);
    fields.sort();
    assert_eq!(fields, ["eip.display_name", "eip.name", "request_id", "update_mask"]);

    let havip = resource::Havip { members: vec!["vm-a".into()], claim_policy: 7, ..Default::default() };
    let request =
        resource::UpdateHavipRequest { havip: Some(havip), request_id: NO_ID.into(), ..Default::default() };
    let mut fields = wrong(world.resource().update_havip(request).await);
    fields.sort();
    assert_eq!(fields, ["havip.claim_policy", "havip.members", "havip.name", "request_id"]);

    let request = binding::BindRequest { request_id: NO_ID.into(), ..bind("web", "front") };
    assert_eq!(wrong(world.bindings().bind(request).await), ["request_id", "eip", "havip"]);
    let request = health::AnnounceRequest { request_id: NO_ID.into(), ..Default::default() };
    assert_eq!(wrong(world.health().announce(request).await), ["request_id", "havip", "vnic"]);

    let request = resource::ListEipsRequest {
        parent: "p1".into(),
        page_size: -1,
        page_token: "seven".into(),
        filter: "colour = red".into(),
        order_by: "colour".into(),
        ..Default::default()
    };
    let fields = wrong(world.resource().list_eips(request).await);
    assert_eq!(fields, ["parent", "page_size", "filter", "order_by", "page_token"]);
    let names = vec!["a".to_owned(), stock.eip.name.clone(), "b".to_owned()];
    let request = resource::BatchGetEipsRequest { parent: P1.into(), names };
    assert_eq!(wrong(world.resource().batch_get_eips(request).await), ["names"]);
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn a_block_says_which_part_of_it_is_wrong() {
    let (world, _) = World::stocked().await;
    for (cidr, why) in [
        ("203.0.113.0/33", "the prefix length of an IPv4 block is a number from 0 to 32"),
        ("2001:db8::/129", "the prefix length of an IPv6 block is a number from 0 to 128"),
        ("203.0.113.0/", "the prefix length"),
        ("203.0.113/24", "no IP address"),
        ("203.0.113.0", "a slash and a prefix length"),
    ] {
        let refusal = crate::bad_requests::pool(&world, "x", &[cidr]).await;
        assert_eq!(refusal.brief(), invalid("pool.cidrs"), "{cidr}");
        assert!(refusal.message.contains(why) && refusal.message.contains(cidr), "{refusal:?}");
    }
}

/// A number where a name should be: bytes that are no message of the method.
async fn garbled(channel: &Channel, path: &str) -> Result<Response<()>, Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    client.unary(Request::new(7_u64), path.parse().unwrap(), ProstCodec::<u64, ()>::default()).await
}

#[tokio::test]
async fn bytes_that_are_no_message_are_refused_without_a_word_of_the_decoders() {
    let world = World::new().await;
    for method in ["resource.v1.ResourceService/GetEip", "binding.v1.BindingService/Bind"] {
        let refusal = refused(garbled(&world.channel, &format!("/mooring.{method}")).await);
        assert_eq!(refusal.brief(), invalid("request"), "{refusal:?}");
        let told = ["wire", "Protobuf", "decode"].iter().any(|word| refusal.message.contains(word));
        assert!(!told, "{refusal:?}");
    }
}

#[tokio::test]
async fn a_method_or_a_service_that_nobody_has_is_said_to_be_unknown() {
    let world = World::new().await;
    for path in [
        "/mooring.resource.v1.ResourceService/DoIt",
        "/mooring.nothing.v1.NothingService/Get",
        "/nothing.Nothing/Get",
        "/grpc.health.v1.Health/DoIt",
    ] {
        let refusal = refused(empty(&world.channel, path, false).await);
        assert_eq!(
            (refusal.code, refusal.reason.as_str()),
            (Code::Unimplemented, "UNKNOWN_METHOD"),
            "{path}"
        );
        assert!(refusal.message.contains(path), "{refusal:?}");
    }
}
