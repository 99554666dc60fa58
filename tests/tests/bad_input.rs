//! Requests that are wrong: each gets one clear error that names the field, the right code, and changes nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use mooring_proto::{
    binding::v1 as binding, dataplane::v1 as dataplane, health::v1 as health, resource::v1 as resource,
};
use mooring_tests::Mooringd;
use mooring_tests::server::{Options, Refusal};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The exit code for a request that is wrong in itself.
const WRONG: i32 = 2;
/// The exit code for a request that the present state forbids.
const FORBIDDEN: i32 = 1;

fn stocked() -> Mooringd {
    let server = Mooringd::alone(Options::default()).unwrap();
    server.stock().unwrap();
    server
}

fn tail(server: &Mooringd) -> u64 {
    server.ask("status").unwrap()["status"]["tail"].as_u64().unwrap()
}

/// The command is refused with this exit code, for this field, and the log is where it was.
fn refused(server: &Mooringd, line: &str, exit: i32, field: &str) -> Refusal {
    let before = tail(server);
    let refusal = server.refuse(line).unwrap();
    assert_eq!((refusal.exit, refusal.field.as_str()), (exit, field), "`{line}`: {refusal:?}");
    assert!(!refusal.message.is_empty() && !refusal.reason.is_empty(), "`{line}`: {refusal:?}");
    assert_eq!(tail(server), before, "`{line}` wrote something");
    refusal
}

#[test]
fn an_address_outside_the_subnet() {
    let server = stocked();
    let havip = refused(&server, "havip create x --subnet web --address 10.9.9.9", WRONG, "havip.address");
    assert!(havip.message.contains("10.0.1.0/24"), "{havip:?}");
    let line = "vnic create vm-c --subnet web --mac 02:00:00:00:00:cc --address 10.0.2.5";
    refused(&server, line, WRONG, "vnic.address");
}

#[test]
fn the_routers_the_broadcast_and_the_network_address_as_havip() {
    let server = stocked();
    for address in ["10.0.1.1", "10.0.1.255", "10.0.1.0"] {
        let line = format!("havip create x --subnet web --address {address}");
        refused(&server, &line, WRONG, "havip.address");
    }
}

#[test]
fn an_overlapping_subnet_and_an_overlapping_pool() {
    let server = stocked();
    let line = "subnet create other --vpc blue --cidr 10.0.1.128/25";
    let refusal = refused(&server, line, FORBIDDEN, "subnet.cidr");
    assert_eq!(refusal.reason, "SUBNET_OVERLAPS");
    assert!(refusal.in_the_way.contains("/subnets/"), "{refusal:?}");
    let refusal = refused(&server, "pool create other 203.0.113.80/28", FORBIDDEN, "pool.cidrs");
    assert_eq!(refusal.reason, "POOL_OVERLAPS");
    assert!(refusal.in_the_way.contains("/pools/"), "{refusal:?}");
}

#[test]
fn a_duplicate_address_mac_or_name() {
    let server = stocked();
    let vnic =
        |mac: &str, address: &str| format!("vnic create vm-c --subnet web --mac {mac} --address {address}");
    let cases = [
        (vnic("02:00:00:00:00:cc", "10.0.1.11"), "vnic.address", "ADDRESS_TAKEN"),
        (vnic("02:00:00:00:00:cc", "10.0.1.50"), "vnic.address", "ADDRESS_TAKEN"),
        (vnic("02:00:00:00:01:0a", "10.0.1.99"), "vnic.mac", "MAC_TAKEN"),
        ("havip create x --subnet web --address 10.0.1.11".into(), "havip.address", "ADDRESS_TAKEN"),
        ("havip create front --subnet web".into(), "havip.display_name", "NAME_TAKEN"),
        ("eip allocate other --address 203.0.113.70".into(), "eip.address", "ADDRESS_TAKEN"),
    ];
    for (line, field, reason) in cases {
        let refusal = refused(&server, &line, FORBIDDEN, field);
        assert_eq!(refusal.reason, reason, "`{line}`");
        assert!(!refusal.in_the_way.is_empty(), "`{line}` does not say who is in the way");
    }
}

#[test]
fn a_mac_of_many_and_an_address_in_no_pool() {
    let server = stocked();
    let line = "vnic create vm-c --subnet web --mac 01:00:5e:00:00:01 --address 10.0.1.99";
    refused(&server, line, WRONG, "vnic.mac");
    let refusal = server.refuse("eip allocate other --address 192.0.2.1").unwrap();
    assert_eq!((refusal.exit, refusal.field.as_str()), (FORBIDDEN, "eip.address"), "{refusal:?}");
}

#[test]
fn something_that_does_not_exist() {
    let server = stocked();
    let unknown = "projects/p1/regions/r1/havips/01976e2a-0000-7000-8000-000000000001";
    for line in [
        "eip get nobody",
        "unbind nobody",
        "bind nobody front",
        "holder nobody",
        &format!("havip get {unknown}"),
    ] {
        let before = tail(&server);
        let refusal = server.refuse(line).unwrap();
        assert_eq!((refusal.exit, refusal.reason.as_str()), (3, "NOT_FOUND"), "`{line}`: {refusal:?}");
        assert_eq!(tail(&server), before);
    }
    let refusal = server.refuse("eip list --region r9").unwrap();
    assert!(refusal.message.contains("r9"), "{refusal:?}");
}

/// A gRPC call that must fail, and the status it got.
macro_rules! status_of {
    ($server:expr, $client:path, $method:ident, $request:expr) => {{
        let answer = $server.call(async |channel| <$client>::new(channel).$method($request).await.map(drop));
        (stringify!($method), answer.unwrap().unwrap_err())
    }};
}

type Resources = resource::resource_service_client::ResourceServiceClient<mooring_tests::channel::Channel>;
type Holds = resource::hold_service_client::HoldServiceClient<mooring_tests::channel::Channel>;
type Bindings = binding::binding_service_client::BindingServiceClient<mooring_tests::channel::Channel>;
type Gateways = binding::gateway_service_client::GatewayServiceClient<mooring_tests::channel::Channel>;
type Health = health::health_service_client::HealthServiceClient<mooring_tests::channel::Channel>;
type Dataplane = dataplane::dataplane_service_client::DataplaneServiceClient<mooring_tests::channel::Channel>;

fn assert_invalid((method, status): (&str, Status)) {
    assert_eq!(status.code(), Code::InvalidArgument, "{method}: {status:?}");
    let field = status.get_details_error_info().and_then(|info| info.metadata.get("field").cloned());
    assert!(field.is_some_and(|field| !field.is_empty()), "{method} names no field: {status:?}");
}

#[test]
fn an_empty_request_of_every_method() {
    let server = stocked();
    let before = tail(&server);
    let refusals = [
        status_of!(server, Resources, create_pool, resource::CreatePoolRequest::default()),
        status_of!(server, Resources, get_pool, resource::GetPoolRequest::default()),
        status_of!(server, Resources, list_pools, resource::ListPoolsRequest::default()),
        status_of!(server, Resources, create_vpc, resource::CreateVpcRequest::default()),
        status_of!(server, Resources, get_vpc, resource::GetVpcRequest::default()),
        status_of!(server, Resources, list_vpcs, resource::ListVpcsRequest::default()),
        status_of!(server, Resources, create_subnet, resource::CreateSubnetRequest::default()),
        status_of!(server, Resources, get_subnet, resource::GetSubnetRequest::default()),
        status_of!(server, Resources, list_subnets, resource::ListSubnetsRequest::default()),
        status_of!(server, Resources, create_vnic, resource::CreateVnicRequest::default()),
        status_of!(server, Resources, get_vnic, resource::GetVnicRequest::default()),
        status_of!(server, Resources, list_vnics, resource::ListVnicsRequest::default()),
        status_of!(server, Resources, create_havip, resource::CreateHavipRequest::default()),
        status_of!(server, Resources, get_havip, resource::GetHavipRequest::default()),
        status_of!(server, Resources, list_havips, resource::ListHavipsRequest::default()),
        status_of!(server, Resources, delete_havip, resource::DeleteHavipRequest::default()),
        status_of!(server, Resources, allocate_eip, resource::AllocateEipRequest::default()),
        status_of!(server, Resources, get_eip, resource::GetEipRequest::default()),
        status_of!(server, Resources, list_eips, resource::ListEipsRequest::default()),
        status_of!(server, Resources, release_eip, resource::ReleaseEipRequest::default()),
        status_of!(server, Holds, hold, resource::HoldRequest::default()),
        status_of!(server, Holds, release, resource::ReleaseRequest::default()),
        status_of!(server, Bindings, bind, binding::BindRequest::default()),
        status_of!(server, Bindings, unbind, binding::UnbindRequest::default()),
        status_of!(server, Bindings, get_binding, binding::GetBindingRequest::default()),
        status_of!(server, Bindings, list_bindings, binding::ListBindingsRequest::default()),
        status_of!(server, Gateways, register_gateway, binding::RegisterGatewayRequest::default()),
        status_of!(server, Gateways, report_applied, binding::ReportAppliedRequest::default()),
        status_of!(server, Gateways, decommission_gateway, binding::DecommissionGatewayRequest::default()),
        status_of!(server, Gateways, list_gateways, binding::ListGatewaysRequest::default()),
        status_of!(server, Health, report_claims, health::ReportClaimsRequest::default()),
        status_of!(server, Health, get_holder, health::GetHolderRequest::default()),
        status_of!(server, Health, announce, health::AnnounceRequest::default()),
        status_of!(server, Health, withdraw, health::WithdrawRequest::default()),
        status_of!(server, Health, watch_holders, health::WatchHoldersRequest::default()),
        status_of!(server, Health, list_holders, health::ListHoldersRequest::default()),
        status_of!(server, Dataplane, get_status, dataplane::GetStatusRequest::default()),
        status_of!(server, Dataplane, list_commits, dataplane::ListCommitsRequest::default()),
        status_of!(server, Dataplane, watch_commits, dataplane::WatchCommitsRequest::default()),
    ];
    refusals.into_iter().for_each(assert_invalid);
    assert_eq!(tail(&server), before, "an empty request wrote something");
}

#[test]
fn a_malformed_id() {
    let server = stocked();
    let before = tail(&server);
    let havip = server.ask("havip get front").unwrap()["name"].as_str().unwrap().to_owned();
    for eip in ["", "nonsense", "projects/p1/regions/r1/eips/nonsense/", "projects/P!/regions/r1/eips/x"] {
        let request =
            binding::BindRequest { eip: eip.to_owned(), havip: havip.clone(), ..Default::default() };
        assert_invalid(status_of!(server, Bindings, bind, request));
    }
    let request_id = binding::UnbindRequest { eip: havip, request_id: "seven".into(), ..Default::default() };
    assert_invalid(status_of!(server, Bindings, unbind, request_id));
    let short = resource::ReleaseRequest {
        region: "r1".into(),
        binding_ids: vec![vec![1, 2, 3].into()],
        ..Default::default()
    };
    assert_invalid(status_of!(server, Holds, release, short));
    assert_eq!(tail(&server), before, "a malformed id wrote something");
}

#[test]
fn a_request_of_ten_megabytes() {
    let server = stocked();
    let before = tail(&server);
    let vpc = resource::Vpc { display_name: "x".repeat(10 << 20), ..Default::default() };
    let parent = "projects/p1/regions/r1".to_owned();
    let request = resource::CreateVpcRequest { parent, vpc: Some(vpc), ..Default::default() };
    let (_, status) = status_of!(server, Resources, create_vpc, request);
    assert!(matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted), "{status:?}");
    assert_eq!(tail(&server), before);
    server.ask("vpc create green").unwrap();
}
