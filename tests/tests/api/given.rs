//! What the stories begin with: a server of their own, clients of it, and things that exist there.

use std::{fmt::Debug, time::Duration};

pub use crate::requests::*;
use mooring_proto::{
    binding::v1::{
        self as binding, binding_service_client::BindingServiceClient,
        gateway_service_client::GatewayServiceClient,
    },
    dataplane::v1::{
        Commit, GetStatusRequest, ListCommitsRequest, dataplane_service_client::DataplaneServiceClient,
    },
    event::v1::event::Kind,
    health::v1::health_service_client::HealthServiceClient,
    resource::v1::{
        self as resource, hold_service_client::HoldServiceClient,
        resource_service_client::ResourceServiceClient,
    },
};
use mooring_tests::{
    Mooringd,
    channel::{self, Channel},
    server::Options,
};
use tonic::{Response, Status, transport::Endpoint};

/// The region of most stories.
pub const R1: &str = "regions/r1";
/// The project of most stories.
pub const P1: &str = "projects/p1/regions/r1";
/// Somebody else.
pub const P2: &str = "projects/p2/regions/r1";
/// A UUID that nothing has.
pub const NOBODY: &str = "01976e2a-0000-7000-8000-000000000001";
/// How long anything may take that the server does by itself.
pub const PATIENT: Duration = Duration::from_secs(15);
/// The deadline of a call: longer than the server keeps anybody.
const DEADLINE: Duration = Duration::from_secs(40);

/// A server and a way to it.
pub struct World {
    pub server: Mooringd,
    pub channel: Channel,
    /// As in `regions/r1`.
    regions: Vec<String>,
}

/// What [`World::stocked`] has.
pub struct Stock {
    pub vpc: resource::Vpc,
    pub subnet: resource::Subnet,
    /// Members of `havip`.
    pub a: resource::Vnic,
    pub b: resource::Vnic,
    /// In the same subnet, but no member.
    pub c: resource::Vnic,
    pub havip: resource::Havip,
    pub eip: resource::Eip,
}

impl World {
    /// An empty server of region `r1`.
    pub async fn new() -> Self {
        Self::serving(&["r1"]).await
    }

    /// An empty server of these regions.
    pub async fn serving(regions: &[&str]) -> Self {
        let options =
            Options { regions: regions.iter().map(ToString::to_string).collect(), ..Options::default() };
        let server = Mooringd::alone(options).unwrap();
        let regions = regions.iter().map(|region| format!("regions/{region}")).collect();
        let world = Self { channel: connect(&server).await, server, regions };
        world.wait_registered().await;
        world
    }

    /// A server with a pool of 16 addresses, a VPC, a subnet, three vNICs, a HAVIP and an EIP.
    pub async fn stocked() -> (Self, Stock) {
        let world = Self::new().await;
        let stock = world.stock(P1).await;
        (world, stock)
    }

    /// What [`Stock`] says, for a project.
    pub async fn stock(&self, scope: &str) -> Stock {
        self.pool("regions/r1", "public", "203.0.113.0/28").await;
        let vpc = self.vpc(scope, "blue").await;
        let subnet = self.subnet(scope, "web", &vpc, "10.0.1.0/24").await;
        let a = self.vnic(&subnet, "vm-a", "02:00:00:00:00:0a", "10.0.1.10").await;
        let b = self.vnic(&subnet, "vm-b", "02:00:00:00:00:0b", "10.0.1.11").await;
        let c = self.vnic(&subnet, "vm-c", "02:00:00:00:00:0c", "10.0.1.12").await;
        let havip = self.havip(&subnet, "front", "10.0.1.100", &[&a, &b]).await;
        let eip = self.eip(scope, "web").await;
        Stock { vpc, subnet, a, b, c, havip, eip }
    }

    /// Kills the server in the middle of whatever it does and starts it again.
    pub async fn crash(&mut self) {
        self.server.kill9().unwrap();
        self.start().await;
    }

    /// Starts the server again after it was stopped.
    pub async fn start(&mut self) {
        self.server.restart(None).unwrap();
        self.channel = connect(&self.server).await;
        self.wait_registered().await;
    }

    /// Until this server's own gateway is registered everywhere: nothing is written by itself after that.
    async fn wait_registered(&self) {
        for region in &self.regions {
            wait_until("the server's own gateway to report", async || {
                let request = binding::ListGatewaysRequest { parent: region.clone() };
                let gateways = self.gateways().list_gateways(request).await.unwrap().into_inner().gateways;
                let reported =
                    |gateway: &binding::Gateway| gateway.registered && gateway.report_age_ms.is_some();
                if gateways.iter().any(reported) { Ok(()) } else { Err(format!("{gateways:?}")) }
            })
            .await;
        }
    }

    pub fn resource(&self) -> ResourceServiceClient<Channel> {
        ResourceServiceClient::new(self.channel.clone())
    }

    pub fn holds(&self) -> HoldServiceClient<Channel> {
        HoldServiceClient::new(self.channel.clone())
    }

    pub fn bindings(&self) -> BindingServiceClient<Channel> {
        BindingServiceClient::new(self.channel.clone())
    }

    pub fn gateways(&self) -> GatewayServiceClient<Channel> {
        GatewayServiceClient::new(self.channel.clone())
    }

    pub fn health(&self) -> HealthServiceClient<Channel> {
        HealthServiceClient::new(self.channel.clone())
    }

    pub fn dataplane(&self) -> DataplaneServiceClient<Channel> {
        DataplaneServiceClient::new(self.channel.clone())
    }

    pub async fn pool(&self, region: &str, display_name: &str, cidr: &str) -> resource::Pool {
        self.pool_that_cools(region, display_name, cidr, None).await
    }

    /// For so many milliseconds; `None`: for as long as it is where nobody says.
    pub async fn pool_that_cools(
        &self,
        region: &str,
        display_name: &str,
        cidr: &str,
        cooling_ms: Option<u64>,
    ) -> resource::Pool {
        let pool = resource::Pool {
            display_name: display_name.into(),
            cidrs: vec![cidr.into()],
            cooling_ms,
            ..Default::default()
        };
        let request =
            resource::CreatePoolRequest { parent: region.into(), pool: Some(pool), ..Default::default() };
        ok(self.resource().create_pool(request).await)
    }

    /// Lets a project have more than it may by default.
    pub async fn raise_quotas(&self, scope: &str) {
        let many = Some(resource::Quota { limit: 1000, ..Default::default() });
        let quotas = resource::Quotas {
            name: format!("{scope}/quotas"),
            eips: many.clone(),
            havips_per_vpc: many.clone(),
            havips_per_instance: many,
            ..Default::default()
        };
        let request = resource::UpdateQuotasRequest { quotas: Some(quotas), ..Default::default() };
        ok(self.resource().update_quotas(request).await);
    }

    pub async fn vpc(&self, scope: &str, display_name: &str) -> resource::Vpc {
        let vpc = resource::Vpc { display_name: display_name.into(), ..Default::default() };
        let request =
            resource::CreateVpcRequest { parent: scope.into(), vpc: Some(vpc), ..Default::default() };
        ok(self.resource().create_vpc(request).await)
    }

    pub async fn subnet(
        &self,
        scope: &str,
        display_name: &str,
        vpc: &resource::Vpc,
        cidr: &str,
    ) -> resource::Subnet {
        let subnet = resource::Subnet {
            display_name: display_name.into(),
            vpc: vpc.name.clone(),
            cidr: cidr.into(),
            ..Default::default()
        };
        let request = resource::CreateSubnetRequest {
            parent: scope.into(),
            subnet: Some(subnet),
            ..Default::default()
        };
        ok(self.resource().create_subnet(request).await)
    }

    pub async fn vnic(
        &self,
        subnet: &resource::Subnet,
        instance: &str,
        mac: &str,
        address: &str,
    ) -> resource::Vnic {
        let vnic = resource::Vnic {
            instance: instance.into(),
            subnet: subnet.name.clone(),
            mac: mac.into(),
            address: address.into(),
            ..Default::default()
        };
        let parent = parent(&subnet.name);
        let request = resource::CreateVnicRequest { parent, vnic: Some(vnic), ..Default::default() };
        ok(self.resource().create_vnic(request).await)
    }

    pub async fn havip(
        &self,
        subnet: &resource::Subnet,
        display_name: &str,
        address: &str,
        members: &[&resource::Vnic],
    ) -> resource::Havip {
        let request = create_havip(subnet, display_name, address, members);
        ok(self.resource().create_havip(request).await)
    }

    pub async fn eip(&self, scope: &str, display_name: &str) -> resource::Eip {
        ok(self.resource().allocate_eip(allocate_eip(scope, display_name)).await)
    }

    pub async fn bind(&self, eip: &str, havip: &str) -> Result<Response<binding::Binding>, Status> {
        self.bindings().bind(bind(eip, havip)).await
    }

    pub async fn unbind(&self, eip: &str) -> Result<Response<binding::UnbindResponse>, Status> {
        self.bindings().unbind(unbind(eip)).await
    }

    pub async fn binding(&self, name: &str) -> Result<Response<binding::Binding>, Status> {
        self.bindings().get_binding(binding::GetBindingRequest { name: name.into() }).await
    }

    pub async fn get_eip(&self, name: &str) -> Result<Response<resource::Eip>, Status> {
        self.resource().get_eip(resource::GetEipRequest { name: name.into() }).await
    }

    pub async fn get_havip(&self, name: &str) -> Result<Response<resource::Havip>, Status> {
        self.resource().get_havip(resource::GetHavipRequest { name: name.into() }).await
    }

    pub async fn release_eip(&self, name: &str) -> Result<Response<resource::ReleaseEipResponse>, Status> {
        let request = resource::ReleaseEipRequest { name: name.into(), ..Default::default() };
        self.resource().release_eip(request).await
    }

    pub async fn delete_havip(&self, name: &str) -> Result<Response<resource::DeleteHavipResponse>, Status> {
        let request = resource::DeleteHavipRequest { name: name.into(), ..Default::default() };
        self.resource().delete_havip(request).await
    }

    /// The last position in a region's log.
    pub async fn tail_of(&self, region: &str) -> u64 {
        let request = GetStatusRequest { parent: region.into(), verify: false };
        ok(self.dataplane().get_status(request).await).tail
    }

    /// The last position in the log of `r1`.
    pub async fn tail(&self) -> u64 {
        self.tail_of(R1).await
    }

    /// Every commit of a region after a position.
    pub async fn commits_of(&self, region: &str, mut after: u64) -> Vec<Commit> {
        let mut commits = Vec::new();
        loop {
            let request = ListCommitsRequest { parent: region.into(), after, page_size: 0 };
            let page = ok(self.dataplane().list_commits(request).await);
            commits.extend(page.commits);
            match page.next_after {
                0 => return commits,
                next => after = next,
            }
        }
    }

    /// Every event of `r1` after a position.
    pub async fn events(&self, after: u64) -> Vec<Kind> {
        let commits = self.commits_of(R1, after).await;
        commits.into_iter().flat_map(|commit| commit.events).map(|event| event.kind.unwrap()).collect()
    }
}

async fn connect(server: &Mooringd) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
    channel::connect(endpoint.timeout(DEADLINE)).await.unwrap()
}

/// The answer of a call that must succeed.
#[track_caller]
pub fn ok<T>(answer: Result<Response<T>, Status>) -> T {
    match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) => panic!("refused: {status:?}"),
    }
}

/// Asks until the condition is met; fails with what was seen last.
pub async fn wait_until<T, E: Debug>(what: &str, mut condition: impl AsyncFnMut() -> Result<T, E>) -> T {
    let end = tokio::time::Instant::now() + PATIENT;
    loop {
        match condition().await {
            Ok(met) => return met,
            Err(seen) if tokio::time::Instant::now() >= end => {
                panic!("waited for {what}; last seen: {seen:?}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}
