//! What is written on the command line: how it reaches the server, and how it is called when it is wrong.

use mooring_proto::{
    binding::v1::{Gateway, ListGatewaysResponse, Stuck},
    dataplane::v1::{Status as Dataplane, VpcStatus},
    resource::v1::{CreateHavipRequest, UpdateEipRequest},
};

use crate::*;

const VPC: &str = "01976e2a-0000-7000-8000-000000000005";

fn unknown(field: &str, what: &str) -> Answer {
    let metadata = [("field", field), ("retryable", "false")];
    let metadata: HashMap<_, _> =
        metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let details = ErrorDetails::with_error_info("NOT_FOUND", "mooring", metadata);
    let message = format!("{field}: {what} does not exist");
    Answer::Refusal(Status::with_error_details(Code::NotFound, message, details))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_asks_for_tls_gets_plaintext() {
    let server = Server::start().await;
    let url = server.url.replace("http://", "https://");
    let ended = moor(&url, "vpc list").await;
    let expected = format!("moor: {url}: there is no TLS yet; use http:// or unix:PATH\n");
    assert_eq!((ended.code, &*ended.err), (2, &*expected));
    assert!(server.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_calls_the_argument_as_the_help_does() {
    for (line, get, field, called) in [
        ("bind zzz front", "Bind", "eip", "EIP"),
        ("move web zzz", "Move", "havip", "HAVIP"),
        ("unbind zzz", "Unbind", "eip", "EIP"),
        ("subnet create inner --vpc nope --cidr 10.0.1.0/24", "CreateSubnet", "subnet.vpc", "--vpc"),
        ("subnet update inner --unreserve 10.0.1.9/32", "UpdateSubnet", "remove_reserved", "--unreserve"),
        ("pool update public --remove-block 192.0.2.0/24", "UpdatePool", "remove_cidrs", "--remove-block"),
        ("havip update front --add-member vm-z", "UpdateHavip", "add_members", "--add-member"),
        (
            "vnic create a --subnet x --mac 02:00:00:00:00:0a --address ::1",
            "CreateVnic",
            "vnic.subnet",
            "--subnet",
        ),
        ("havip create front --subnet inner --member vm-z", "CreateHavip", "havip.members", "--member"),
        ("havip create front --subnet nope", "CreateHavip", "havip.subnet", "--subnet"),
        ("eip update web --name x", "UpdateEip", "eip.name", "EIP"),
        ("eip update web --labels Env=x", "UpdateEip", "eip.labels", "--labels"),
        ("eip allocate --description x", "AllocateEip", "eip.description", "--description"),
        ("eip allocate --pool nope", "AllocateEip", "eip.pool", "--pool"),
        ("vpc get nope", "GetVpc", "name", "VPC"),
        ("holder nope", "GetHavip", "name", "HAVIP"),
        ("havip delete 01976e2a-0000-7000-8000-000000000002", "DeleteHavip", "name", "HAVIP"),
        ("gateway decommission nope", "DecommissionGateway", "name", "NAME"),
    ] {
        let server = Server::start().await;
        server.answers(get, unknown(field, "such a thing"));
        let ended = moor(&server.url, &format!("{line} -o json")).await;
        assert_eq!(ended.code, 3, "{line}: {} {:?}", ended.err, server.calls());
        let error: Value = serde_json::from_str(&ended.err).unwrap();
        let error = &error["error"];
        let expected = json!([called, field, format!("{called}: such a thing does not exist")]);
        assert_eq!(json!([error["argument"], error["field"], error["message"]]), expected, "{line}");
    }
    let ended = moor("http://127.0.0.1:1", "subnet create inner --vpc a/b --cidr 10.0.1.0/24").await;
    assert_eq!(ended.code, 2);
    assert!(ended.err.starts_with("moor: --vpc: \"a/b\" names no VPC: expected "), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_found_by_the_server_which_knows_their_subnet() {
    let server = Server::start().await;
    let full = "projects/shop/regions/r1/vnics/01976e2a-0000-7000-8000-000000000006";
    let ended =
        moor(&server.url, &format!("havip create front --subnet inner --member vm-a --member {full}")).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let request: CreateHavipRequest = server.calls_of("CreateHavip")[0].read();
    let havip = request.havip.unwrap();
    assert_eq!(havip.subnet, "projects/shop/regions/r1/subnets/inner");
    assert_eq!(havip.members, ["projects/shop/regions/r1/vnics/vm-a", full]);
    assert!(server.calls_of("GetVnic").is_empty(), "in the project vm-a may be several");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_on_at_the_server_is_looked_at_and_not_waited_for_longer() {
    let details = ErrorDetails::with_error_info("STILL_UNDER_WAY", "mooring", HashMap::new());
    let still = Status::with_error_details(Code::DeadlineExceeded, "it goes on in the background", details);
    let server = Server::start().await;
    server.answers("Unbind", Answer::Refusal(still));
    let ended = moor(&server.url, &format!("unbind {EIP}")).await;
    assert_eq!(ended.code, 4);
    let hint = "it goes on; `moor binding get` and `moor status` show how far it is";
    assert!(ended.err.contains(hint) && !ended.err.contains("--timeout"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_stuck_with_a_vpc_by_its_display_name() {
    let stuck = Stuck { vpc: VPC.into(), position: 3, cause: "no link".into(), ..Default::default() };
    let name = "regions/r1/gateways/gw-1".into();
    let gateway = Gateway { name, registered: true, stuck: vec![stuck], ..Default::default() };
    let gateways = ListGatewaysResponse { gateways: vec![gateway] };
    let vpc = format!("projects/bank/regions/r1/vpcs/{VPC}");
    let vpc = VpcStatus { vpc, display_name: "blue".into(), ..Default::default() };
    let server = Server::start().await;
    server.answers("GetStatus", message(&Dataplane { vpcs: vec![vpc], ..Default::default() }));
    for known_as in ["blue", VPC] {
        // The second time the gateway that answers knows no VPC: the id is better than nothing.
        server.answers("ListGateways", message(&gateways));
        let ended = moor(&server.url, "gateway list").await;
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(ended.out.contains(&format!("VPC {known_as} at position 3: no link")), "{}", ended.out);
    }
}

/// The line with a server of its own for each service; the one for all is gone.
fn apart(servers: &[Server; 4], line: &str) -> String {
    let [resource, binding, health, dataplane] = servers.each_ref().map(|server| &server.url);
    format!(
        "{line} --resource-server {resource} --binding-server {binding} --health-server {health} \
         --dataplane-server {dataplane}"
    )
}

async fn four() -> [Server; 4] {
    [Server::start().await, Server::start().await, Server::start().await, Server::start().await]
}

const NOBODY: &str = "http://127.0.0.1:1";

#[tokio::test(flavor = "multi_thread")]
async fn services_that_run_apart_are_each_asked_for_their_own() {
    for (line, asked) in [
        ("vpc list", ["ListVpcs", "", "", ""]),
        ("eip list", ["ListEips", "", "", ""]),
        ("havip delete 01976e2a-0000-7000-8000-000000000002", ["DeleteHavip", "", "", ""]),
        ("binding list", ["", "ListBindings", "", ""]),
        ("gateway list", ["", "ListGateways", "", ""]),
        ("gateway decommission gw-1", ["", "DecommissionGateway", "", ""]),
        ("holders", ["", "", "ListHolders", ""]),
        ("failovers", ["", "", "ListFailovers", ""]),
        ("log", ["", "", "", "ListCommits"]),
        ("log --eip web --kind bound", ["", "", "", "ListEvents"]),
        ("gateway drops", ["", "", "", "GetStatus"]),
        ("status", ["", "ListGateways ListAttestations", "", "GetStatus"]),
    ] {
        let servers = four().await;
        let ended = moor(NOBODY, &apart(&servers, line)).await;
        assert_eq!(ended.code, 0, "{line}: {}", ended.err);
        let calls = servers
            .each_ref()
            .map(|server| server.calls().into_iter().map(|call| call.method).collect::<Vec<_>>().join(" "));
        assert_eq!(calls, asked, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_that_does_not_answer_is_named_with_its_flag() {
    for (flag, variable, name, line) in [
        ("--resource-server", "MOORING_RESOURCE_SERVER", "the resource service", "vpc list"),
        ("--binding-server", "MOORING_BINDING_SERVER", "the binding service", "binding list"),
        ("--health-server", "MOORING_HEALTH_SERVER", "the health service", "holders"),
        ("--dataplane-server", "MOORING_DATAPLANE_SERVER", "dataplane-sync", "log"),
    ] {
        let server = Server::start().await;
        let ended = moor(&server.url, &format!("{line} {flag} {NOBODY}")).await;
        assert_eq!(ended.code, 4, "{}", ended.err);
        assert!(ended.err.starts_with(&format!("moor: can't reach {name} at {NOBODY}: ")), "{}", ended.err);
        assert!(
            ended.err.contains(&format!("check that it runs, and {flag} or {variable}")),
            "{}",
            ended.err
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_are_ready_when_each_of_them_is() {
    let servers = four().await;
    let serving = |status: ServingStatus| message(&HealthCheckResponse { status: status.into() });
    for server in &servers {
        server
            .answers("Check", serving(ServingStatus::Serving))
            .answers("Check", serving(ServingStatus::Serving));
    }
    let ended = moor(NOBODY, &apart(&servers, "ready")).await;
    assert_eq!((ended.code, &*ended.out), (0, "ready\n"), "{}", ended.err);
    let late = Server::start().await;
    late.answers("Check", serving(ServingStatus::NotServing));
    let [resource, binding, _, dataplane] = servers;
    let url = late.url.clone();
    let ended = moor(NOBODY, &apart(&[resource, binding, late, dataplane], "ready")).await;
    assert_eq!(ended.code, 4);
    assert!(
        ended.err.starts_with(&format!("moor: the health service at {url} is not ready\n")),
        "{}",
        ended.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_names_what_was_said_and_nothing_else() {
    let server = Server::start().await;
    for (line, paths) in [
        (
            "eip update web --labels env=prod,tier= --delete-protection off",
            &["labels", "delete_protection"][..],
        ),
        ("eip update web --name shop --description x", &["description", "display_name"]),
    ] {
        let ended = moor(&server.url, line).await;
        assert_eq!(ended.code, 0, "{line}: {}", ended.err);
        let request: UpdateEipRequest = server.calls_of("UpdateEip").last().unwrap().read();
        assert_eq!(request.update_mask.unwrap().paths, paths, "{line}");
        let eip = request.eip.unwrap();
        assert_eq!((eip.name.as_str(), eip.delete_protection), ("projects/shop/regions/r1/eips/web", false));
        assert_eq!(eip.labels.len(), if paths[0] == "labels" { 2 } else { 0 });
    }
    let nothing = moor(&server.url, "eip update web").await;
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("--delete-protection"), "{}", nothing.err);
}
