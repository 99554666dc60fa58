//! Projects: for a member there is no other. What another has answers as what nobody has, to every method; a method that is
//! added has to say what it does here.

use std::fmt::Debug;

use mooring_proto::{
    access::{Access, METHODS, OPERATOR, PROJECT, ROLE},
    binding::v1::{self as binding, binding_service_client::BindingServiceClient},
    health::v1::{
        self as health, failover_service_client::FailoverServiceClient,
        health_service_client::HealthServiceClient,
    },
    resource::v1::{self as resource, resource_service_client::ResourceServiceClient},
};
use mooring_tests::channel::Channel;
use tonic::{Code, Response, Status};

use crate::{
    any_request::empty,
    given::*,
    refused::{Refused, not_found, refused},
};

/// Names of one project's things, or of none.
#[derive(Clone, Debug)]
struct Names {
    parent: String,
    vpc: String,
    subnet: String,
    vnic: String,
    havip: String,
    eip: String,
    binding: String,
}

impl Names {
    fn of(stock: &Stock, binding: &binding::Binding) -> Self {
        Self {
            parent: P1.into(),
            vpc: stock.vpc.name.clone(),
            subnet: stock.subnet.name.clone(),
            vnic: stock.a.name.clone(),
            havip: stock.havip.name.clone(),
            eip: stock.eip.name.clone(),
            binding: binding.name.clone(),
        }
    }

    fn each(&self, change: impl Fn(&str) -> String) -> Self {
        let Self { parent, vpc, subnet, vnic, havip, eip, binding } = self;
        Self {
            parent: change(parent),
            vpc: change(vpc),
            subnet: change(subnet),
            vnic: change(vnic),
            havip: change(havip),
            eip: change(eip),
            binding: change(binding),
        }
    }

    /// The same collections, with an id that nothing has.
    fn wrong(&self) -> Self {
        let wrong = |name: &str| match name.split('/').count() {
            6 => name.replace(id(name), NOBODY),
            _ => name.to_owned(),
        };
        self.each(wrong)
    }

    /// The same ids, said to be of another project.
    fn said_to_be_of(&self, parent: &str) -> Self {
        self.each(|name| name.replace(P1, parent))
    }
}

/// Forgets the answer.
fn done<T>(answer: Result<Response<T>, Status>) -> Result<Response<()>, Status> {
    answer.map(|answer| answer.map(drop))
}

macro_rules! get {
    ($client:ident.$method:ident($module:ident::$request:ident, $name:expr)) => {
        done($client.$method($module::$request { name: $name }).await)
    };
}

macro_rules! under {
    ($client:ident.$method:ident($module:ident::$request:ident) in $parent:expr) => {
        done($client.$method($module::$request { parent: $parent, ..Default::default() }).await)
    };
    ($client:ident.$method:ident($module:ident::$request:ident { $field:ident }) in $parent:expr) => {
        done(
            $client
                .$method($module::$request { parent: $parent, $field: Some($field), ..Default::default() })
                .await,
        )
    };
}

/// Several of one kind.
macro_rules! batch {
    ($client:ident.$method:ident($module:ident::$request:ident, $name:expr) in $parent:expr) => {
        done($client.$method($module::$request { parent: $parent, names: vec![$name] }).await)
    };
}

/// Asks a method about what these names name.
async fn ask(channel: &Channel, method: &str, of: &Names) -> Result<Response<()>, Status> {
    if let Some(answer) = create(channel, method, of.clone()).await {
        return answer;
    }
    let of = of.clone();
    let mut resource = ResourceServiceClient::new(channel.clone());
    match method {
        "GetVpc" => get!(resource.get_vpc(resource::GetVpcRequest, of.vpc)),
        "GetSubnet" => get!(resource.get_subnet(resource::GetSubnetRequest, of.subnet)),
        "GetVnic" => get!(resource.get_vnic(resource::GetVnicRequest, of.vnic)),
        "GetHavip" => get!(resource.get_havip(resource::GetHavipRequest, of.havip)),
        "BatchGetEips" => {
            batch!(resource.batch_get_eips(resource::BatchGetEipsRequest, of.eip) in of.parent)
        }
        "BatchGetHavips" => {
            batch!(resource.batch_get_havips(resource::BatchGetHavipsRequest, of.havip) in of.parent)
        }
        "GetEip" => get!(resource.get_eip(resource::GetEipRequest, of.eip)),
        "GetQuotas" => {
            get!(resource.get_quotas(resource::GetQuotasRequest, format!("{}/quotas", of.parent)))
        }
        "ListVpcs" => under!(resource.list_vpcs(resource::ListVpcsRequest) in of.parent),
        "ListSubnets" => under!(resource.list_subnets(resource::ListSubnetsRequest) in of.parent),
        "ListVnics" => under!(resource.list_vnics(resource::ListVnicsRequest) in of.parent),
        "ListHavips" => under!(resource.list_havips(resource::ListHavipsRequest) in of.parent),
        "ListEips" => under!(resource.list_eips(resource::ListEipsRequest) in of.parent),
        // What the operator offers to all.
        "GetPool" => get!(resource.get_pool(resource::GetPoolRequest, format!("{R1}/pools/nobody"))),
        "ListPools" => under!(resource.list_pools(resource::ListPoolsRequest) in R1.into()),
        "UpdateHavip" | "UpdateSubnet" | "DeleteHavip" | "DeleteVnic" | "DeleteSubnet" | "DeleteVpc" => {
            change(resource, method, of).await
        }
        "UpdateEip" => {
            let eip = resource::Eip { name: of.eip, description: "x".into(), ..Default::default() };
            let request = resource::UpdateEipRequest { eip: Some(eip), ..Default::default() };
            done(resource.update_eip(request).await)
        }
        "ReleaseEip" => {
            let request = resource::ReleaseEipRequest { name: of.eip, ..Default::default() };
            done(resource.release_eip(request).await)
        }
        _ => bound_or_held(channel, method, of).await,
    }
}

/// The same, of what changes or deletes.
async fn change(
    mut resource: ResourceServiceClient<Channel>,
    method: &str,
    of: Names,
) -> Result<Response<()>, Status> {
    match method {
        "UpdateHavip" => {
            let havip = resource::Havip { name: of.havip, announce: true, ..Default::default() };
            let request = resource::UpdateHavipRequest { havip: Some(havip), ..Default::default() };
            done(resource.update_havip(request).await)
        }
        "DeleteHavip" => {
            let request = resource::DeleteHavipRequest { name: of.havip, ..Default::default() };
            done(resource.delete_havip(request).await)
        }
        "DeleteVnic" => {
            let request = resource::DeleteVnicRequest { name: of.vnic, ..Default::default() };
            done(resource.delete_vnic(request).await)
        }
        "UpdateSubnet" => {
            let reserved = vec!["10.0.1.240/28".into()];
            let subnet = resource::Subnet { name: of.subnet, reserved, ..Default::default() };
            let request = resource::UpdateSubnetRequest { subnet: Some(subnet), ..Default::default() };
            done(resource.update_subnet(request).await)
        }
        "DeleteSubnet" => {
            let request = resource::DeleteSubnetRequest { name: of.subnet, ..Default::default() };
            done(resource.delete_subnet(request).await)
        }
        _ => {
            let request = resource::DeleteVpcRequest { name: of.vpc, ..Default::default() };
            done(resource.delete_vpc(request).await)
        }
    }
}

/// The same, of what creates.
async fn create(channel: &Channel, method: &str, of: Names) -> Option<Result<Response<()>, Status>> {
    let mut resource = ResourceServiceClient::new(channel.clone());
    Some(match method {
        "CreateVpc" => {
            let vpc = resource::Vpc { display_name: "x".into(), ..Default::default() };
            under!(resource.create_vpc(resource::CreateVpcRequest { vpc }) in of.parent)
        }
        "CreateSubnet" => {
            let (display_name, cidr) = ("x".to_owned(), "10.9.0.0/24".to_owned());
            let subnet = resource::Subnet { display_name, cidr, vpc: of.vpc, ..Default::default() };
            under!(resource.create_subnet(resource::CreateSubnetRequest { subnet }) in of.parent)
        }
        "CreateVnic" => {
            let (instance, mac) = ("x".to_owned(), "02:00:00:00:00:99".to_owned());
            let address = "10.0.1.99".to_owned();
            let vnic = resource::Vnic { instance, mac, address, subnet: of.subnet, ..Default::default() };
            under!(resource.create_vnic(resource::CreateVnicRequest { vnic }) in of.parent)
        }
        "CreateHavip" => {
            let (display_name, members) = ("x".to_owned(), vec![of.vnic]);
            let havip = resource::Havip { display_name, subnet: of.subnet, members, ..Default::default() };
            under!(resource.create_havip(resource::CreateHavipRequest { havip }) in of.parent)
        }
        "AllocateEip" => under!(resource.allocate_eip(resource::AllocateEipRequest) in of.parent),
        _ => return None,
    })
}

/// The same, of binding's and health's methods.
async fn bound_or_held(channel: &Channel, method: &str, of: Names) -> Result<Response<()>, Status> {
    let mut bindings = BindingServiceClient::new(channel.clone());
    let mut health = HealthServiceClient::new(channel.clone());
    let (havip, vnic) = (of.havip, of.vnic);
    match method {
        "BatchGetBindings" => {
            batch!(bindings.batch_get_bindings(binding::BatchGetBindingsRequest, of.binding) in of.parent)
        }
        "GetBinding" => get!(bindings.get_binding(binding::GetBindingRequest, of.binding)),
        "ListBindings" => under!(bindings.list_bindings(binding::ListBindingsRequest) in of.parent),
        "WatchBindings" => under!(bindings.watch_bindings(binding::WatchBindingsRequest) in of.parent),
        "Bind" => done(bindings.bind(bind(&of.eip, &havip)).await),
        "Move" => done(bindings.r#move(shift(&of.eip, &havip)).await),
        "Unbind" => done(bindings.unbind(unbind(&of.eip)).await),
        "GetHolder" => done(health.get_holder(health::GetHolderRequest { havip }).await),
        "ListHolders" => under!(health.list_holders(health::ListHoldersRequest) in of.parent),
        "WatchHolders" => under!(health.watch_holders(health::WatchHoldersRequest) in of.parent),
        "ListFailovers" => {
            let mut failovers = FailoverServiceClient::new(channel.clone());
            let request = health::ListFailoversRequest { parent: of.parent, havip, ..Default::default() };
            done(failovers.list_failovers(request).await)
        }
        "Announce" => {
            done(health.announce(health::AnnounceRequest { havip, vnic, ..Default::default() }).await)
        }
        "Withdraw" => {
            done(health.withdraw(health::WithdrawRequest { havip, vnic, ..Default::default() }).await)
        }
        unknown => panic!("{unknown} is for projects: say here how it is asked"),
    }
}

/// The methods that are for projects.
fn for_projects() -> impl Iterator<Item = &'static str> {
    let methods = METHODS.iter().flat_map(|(_, methods)| *methods);
    methods.filter(|(_, access)| *access == Access::Project).map(|(method, _)| *method)
}

/// Methods that are not asked about a project's things.
fn is_about_pools(method: &str) -> bool {
    matches!(method, "GetPool" | "ListPools")
}

/// A refusal with what was asked for taken out of it.
fn shape(refusal: Refused, of: &Names) -> Refused {
    let Names { parent, vpc, subnet, vnic, havip, eip, binding } = of;
    let mut message = refusal.message;
    for name in [vpc, subnet, vnic, havip, eip, binding, parent] {
        message = message.replace(name.as_str(), "it");
    }
    Refused { message, ..refusal }
}

/// A server on which `p1` has everything, with one EIP bound.
async fn given() -> (World, Names) {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let names = Names::of(&stock, &bound);
    (world, names)
}

#[tokio::test]
async fn what_another_project_has_answers_as_what_it_has_not() {
    let (world, theirs) = given().await;
    let stranger = world.channel.member("p2");
    let before = world.tail().await;
    let nowhere = theirs.said_to_be_of("projects/p9/regions/r1");
    for method in for_projects().filter(|method| !is_about_pools(method)) {
        let asked = async |of: &Names| shape(refused(ask(&stranger, method, of).await), of);
        let answer = asked(&theirs).await;
        assert_eq!(
            (answer.code, answer.reason.as_str()),
            (Code::NotFound, "NOT_FOUND"),
            "{method}: {answer:?}"
        );
        assert_eq!(
            answer,
            asked(&theirs.wrong()).await,
            "{method}: an id of theirs is told from one that is none"
        );
        assert_eq!(answer, asked(&nowhere).await, "{method}: a project is told from one that is none");
    }
    assert_eq!(world.tail().await, before, "somebody changed something");
}

/// The ids are real, the project is the caller's own.
#[tokio::test]
async fn an_id_of_theirs_under_ones_own_name_answers_as_one_that_nothing_has() {
    let (world, theirs) = given().await;
    let stranger = world.channel.member("p2");
    let mine = theirs.said_to_be_of(P2);
    // What names nothing that is there can only succeed.
    let names_nothing = |method: &str| matches!(method, "CreateVpc" | "AllocateEip");
    for method in for_projects().filter(|method| !is_about_pools(method) && !names_nothing(method)) {
        let asked = async |of: &Names| match ask(&stranger, method, of).await {
            Ok(_) => None,
            Err(status) => Some(shape(refused::<()>(Err(status)), of)),
        };
        assert_eq!(asked(&mine).await, asked(&mine.wrong()).await, "{method}");
    }
    let request = resource::ListHoldsRequest { region: "r1".into(), ..Default::default() };
    assert_eq!(ok(world.holds().list_holds(request).await).binding_ids.len(), 1, "only theirs");
}

/// An EIP that is free could be held for somebody else's bind, were its project not looked at first.
#[tokio::test]
async fn nothing_of_theirs_is_held_for_a_moment_either() {
    let (world, stock) = World::stocked().await;
    let own = world.vpc(P2, "own").await;
    let own = world.subnet(P2, "own", &own, "10.0.1.0/24").await;
    let own = world.havip(&own, "own", "10.0.1.7", &[]).await;
    let before = world.tail().await;
    let theirs = stock.eip.name.replace(P1, P2);
    let stranger = BindingServiceClient::new(world.channel.member("p2"));
    let refusal = refused({ stranger }.bind(bind(&theirs, &own.name)).await);
    assert_eq!(refusal.brief(), not_found("eip"));
    let events = format!("{:?}", world.events(before).await);
    assert!(!events.contains("HoldPlaced"), "{events}");
}

#[tokio::test]
async fn a_member_lives_in_its_own_project_as_the_operator_does() {
    let (world, names) = given().await;
    let member = world.channel.member("p1");
    for method in for_projects().filter(|method| method.starts_with("Get") || method.starts_with("List")) {
        let answer = ask(&member, method, &names).await;
        assert!(answer.is_ok() || method == "GetPool", "{method}: {answer:?}");
    }
    ok(ask(&member, "Unbind", &names).await);
    ok(ask(&member, "Bind", &names).await);
    let pools = resource::ListPoolsRequest { parent: R1.into(), ..Default::default() };
    let pools = ok(ResourceServiceClient::new(member).list_pools(pools).await).pools;
    assert_eq!(
        (pools[0].allocated, pools[0].cooling, pools[0].free),
        (0, None, None),
        "how much others have is none of its business"
    );
}

#[tokio::test]
async fn whoever_says_no_project_or_another_role_gets_at_nothing_and_a_member_not_at_the_region() {
    let (world, names) = given().await;
    let (nobody, member) = (world.channel.saying(&[]), world.channel.member("p1"));
    let root = world.channel.saying(&[(ROLE, "root"), (PROJECT, "p1")]);
    for (service, methods) in METHODS {
        for (method, access) in *methods {
            let path = format!("/{service}/{method}");
            let streams = method.starts_with("Watch")
                || matches!(*method, "ReplayRegion" | "DiffRegion" | "StepRegion");
            let asked = async |channel: &Channel| refused(empty(channel, &path, streams).await);
            let refusal = asked(&nobody).await;
            assert_eq!((refusal.code, &*refusal.reason), (Code::Unauthenticated, "NO_PROJECT"), "{path}");
            let refusal = asked(&root).await;
            assert_eq!((refusal.code, &*refusal.reason), (Code::Unauthenticated, "UNKNOWN_ROLE"), "{path}");
            if *access != Access::Project {
                let refusal = asked(&member).await;
                assert_eq!(
                    (refusal.code, &*refusal.reason),
                    (Code::PermissionDenied, "OPERATOR_ONLY"),
                    "{path}"
                );
            }
        }
    }
    let operator = world.channel.saying(&[(ROLE, OPERATOR), (PROJECT, "p2")]);
    ok(ask(&operator, "GetEip", &names).await);
}

#[tokio::test]
async fn moor_asks_as_a_member_when_told_to() {
    let (world, _) = given().await;
    let refused = world.server.refuse("eip get web --role member --project p2").unwrap();
    assert_eq!((refused.exit, refused.reason.as_str()), (3, "NOT_FOUND"));
    let refused = world.server.refuse("status --role member").unwrap();
    assert_eq!((refused.exit, refused.reason.as_str()), (1, "OPERATOR_ONLY"));
    assert_eq!(world.server.ask("eip get web --role member").unwrap()["display_name"], "web");
}
