//! A client of a `mooringd`, or of the services apart, for project `p1` in region `r1`: for tests that ask thousands of times,
//! where starting `moor` each time would be what is measured.

use std::{net::Ipv4Addr, time::Duration};

use mooring_proto::{
    binding::v1::{
        BindRequest, Binding, GetBindingRequest, ListBindingsRequest, UnbindRequest, WatchBindingsRequest,
        WatchBindingsResponse, binding_service_client::BindingServiceClient,
    },
    dataplane::v1::{
        Commit, GetStatusRequest, ListCommitsRequest, Status as GatewayStatus,
        dataplane_service_client::DataplaneServiceClient,
    },
    health::v1::{
        Holder, ListHoldersRequest, WatchHoldersRequest, WatchHoldersResponse,
        health_service_client::HealthServiceClient,
    },
    resource::v1::{
        AllocateEipRequest, CreateHavipRequest, CreatePoolRequest, CreateSubnetRequest, CreateVnicRequest,
        CreateVpcRequest, Damping, Eip, GetEipRequest, GetHavipRequest, Havip, Pool, Quota, Quotas, Subnet,
        UpdateQuotasRequest, Vnic, Vpc, resource_service_client::ResourceServiceClient,
    },
};
use tonic::{
    Status, Streaming,
    transport::{Endpoint, Error},
};
use uuid::Uuid;

use crate::channel::{Channel, connect};

const REGION: &str = "regions/r1";
const SCOPE: &str = "projects/p1/regions/r1";
/// Calls at once.
const AT_ONCE: usize = 64;
/// Longer than the server keeps anybody.
const DEADLINE: Duration = Duration::from_secs(40);

/// Where each service is: `127.0.0.1:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// resource.
    pub resource: String,
    /// binding.
    pub binding: String,
    /// health.
    pub health: String,
    /// The dataplane-sync that is asked.
    pub dataplane: String,
}

impl Servers {
    /// All in one process.
    pub fn one(address: &str) -> Servers {
        let at = || address.to_owned();
        Servers { resource: at(), binding: at(), health: at(), dataplane: at() }
    }
}

/// Clones share the connections.
#[derive(Clone)]
pub struct Client {
    resource: Channel,
    binding: Channel,
    health: Channel,
    dataplane: Channel,
}

impl Client {
    /// Connects to `address`: `127.0.0.1:PORT`.
    pub async fn connect(address: &str) -> Result<Client, Error> {
        let channel = connect(endpoint(address)?).await?;
        let (resource, binding, health) = (channel.clone(), channel.clone(), channel.clone());
        Ok(Client { resource, binding, health, dataplane: channel })
    }

    /// A client of several servers, which connects to each when it asks it, and again when that one is back.
    pub fn of(servers: &Servers) -> Result<Client, Error> {
        let channel = |address: &str| Ok(Channel::operator(endpoint(address)?.connect_lazy()));
        Ok(Client {
            resource: channel(&servers.resource)?,
            binding: channel(&servers.binding)?,
            health: channel(&servers.health)?,
            dataplane: channel(&servers.dataplane)?,
        })
    }

    fn resource(&self) -> ResourceServiceClient<Channel> {
        ResourceServiceClient::new(self.resource.clone())
    }

    fn binding(&self) -> BindingServiceClient<Channel> {
        BindingServiceClient::new(self.binding.clone())
    }

    fn dataplane(&self) -> DataplaneServiceClient<Channel> {
        DataplaneServiceClient::new(self.dataplane.clone())
    }

    /// Creates a pool named `public` of one block, and lets the project have more than it may by default.
    pub async fn pool(&self, cidr: &str) -> Result<Pool, Status> {
        let pool =
            Pool { display_name: "public".to_owned(), cidrs: vec![cidr.to_owned()], ..Default::default() };
        let request = CreatePoolRequest { parent: REGION.to_owned(), pool: Some(pool), ..Default::default() };
        let pool = self.resource().create_pool(request).await?.into_inner();
        self.raise_quotas().await?;
        Ok(pool)
    }

    /// Lets the project have more than it may by default.
    pub async fn raise_quotas(&self) -> Result<(), Status> {
        let many = Some(Quota { limit: 1_000_000, ..Quota::default() });
        let quotas = Quotas {
            name: format!("{SCOPE}/quotas"),
            eips: many.clone(),
            havips_per_vpc: many.clone(),
            havips_per_instance: many,
            ..Quotas::default()
        };
        let request = UpdateQuotasRequest { quotas: Some(quotas), ..Default::default() };
        self.resource().update_quotas(request).await?;
        Ok(())
    }

    /// Creates a VPC.
    pub async fn vpc(&self, display_name: &str) -> Result<Vpc, Status> {
        let vpc = Vpc { display_name: display_name.to_owned(), ..Default::default() };
        let request = CreateVpcRequest { parent: SCOPE.to_owned(), vpc: Some(vpc), ..Default::default() };
        Ok(self.resource().create_vpc(request).await?.into_inner())
    }

    /// Creates a subnet, whose router has the first address.
    pub async fn subnet(&self, vpc: &Vpc, display_name: &str, cidr: &str) -> Result<Subnet, Status> {
        let subnet = Subnet {
            display_name: display_name.to_owned(),
            vpc: vpc.name.clone(),
            cidr: cidr.to_owned(),
            ..Default::default()
        };
        let request =
            CreateSubnetRequest { parent: SCOPE.to_owned(), subnet: Some(subnet), ..Default::default() };
        Ok(self.resource().create_subnet(request).await?.into_inner())
    }

    /// Creates a vNIC.
    pub async fn vnic(
        &self,
        subnet: &Subnet,
        instance: &str,
        mac: &str,
        address: &str,
    ) -> Result<Vnic, Status> {
        let vnic = Vnic {
            instance: instance.to_owned(),
            subnet: subnet.name.clone(),
            mac: mac.to_owned(),
            address: address.to_owned(),
            ..Default::default()
        };
        let request = CreateVnicRequest { parent: SCOPE.to_owned(), vnic: Some(vnic), ..Default::default() };
        Ok(self.resource().create_vnic(request).await?.into_inner())
    }

    /// Creates a HAVIP.
    pub async fn havip(
        &self,
        subnet: &Subnet,
        display_name: &str,
        address: &str,
        members: &[&Vnic],
    ) -> Result<Havip, Status> {
        let havip = Havip {
            display_name: display_name.to_owned(),
            subnet: subnet.name.clone(),
            address: address.to_owned(),
            members: members.iter().map(|vnic| vnic.name.clone()).collect(),
            // Stories move holders faster than damping lets them; those about damping say so.
            damping: Some(Damping { step_ms: 0, cap_ms: 0 }),
            ..Default::default()
        };
        let request =
            CreateHavipRequest { parent: SCOPE.to_owned(), havip: Some(havip), ..Default::default() };
        Ok(self.resource().create_havip(request).await?.into_inner())
    }

    /// The same for each of these addresses, several at once, and as many as it may be.
    pub async fn havips(
        &self,
        subnet: &Subnet,
        addresses: &[Ipv4Addr],
        members: &[&Vnic],
    ) -> Result<(), Status> {
        self.raise_quotas().await?;
        for some in addresses.chunks(AT_ONCE) {
            let making = some.iter().map(async |address| {
                let display_name = format!("havip-{}", address.to_bits());
                self.havip(subnet, &display_name, &address.to_string(), members).await
            });
            futures::future::try_join_all(making).await?;
        }
        Ok(())
    }

    /// Allocates the lowest free EIP.
    pub async fn eip(&self) -> Result<Eip, Status> {
        let request =
            AllocateEipRequest { parent: SCOPE.to_owned(), eip: Some(Eip::default()), ..Default::default() };
        Ok(self.resource().allocate_eip(request).await?.into_inner())
    }

    /// The same, as a request that may be made again.
    pub async fn eip_as(&self, request: Uuid) -> Result<Eip, Status> {
        let request = AllocateEipRequest {
            parent: SCOPE.to_owned(),
            eip: Some(Eip::default()),
            request_id: request.to_string(),
            ..Default::default()
        };
        Ok(self.resource().allocate_eip(request).await?.into_inner())
    }

    /// Reads an EIP.
    pub async fn get_eip(&self, name: &str) -> Result<Eip, Status> {
        let request = GetEipRequest { name: name.to_owned() };
        Ok(self.resource().get_eip(request).await?.into_inner())
    }

    /// Reads a HAVIP.
    pub async fn get_havip(&self, name: &str) -> Result<Havip, Status> {
        let request = GetHavipRequest { name: name.to_owned() };
        Ok(self.resource().get_havip(request).await?.into_inner())
    }

    /// Binds, and waits until every gateway has it in its kernel.
    pub async fn bind(&self, eip: &str, havip: &str, request: Uuid) -> Result<Binding, Status> {
        self.bind_and(true, eip, havip, request).await
    }

    /// Binds, and waits until it is stored.
    pub async fn bind_stored(&self, eip: &str, havip: &str, request: Uuid) -> Result<Binding, Status> {
        self.bind_and(false, eip, havip, request).await
    }

    async fn bind_and(
        &self,
        wait_applied: bool,
        eip: &str,
        havip: &str,
        request: Uuid,
    ) -> Result<Binding, Status> {
        let request = BindRequest {
            eip: eip.to_owned(),
            havip: havip.to_owned(),
            request_id: request.to_string(),
            wait_applied,
            ..Default::default()
        };
        Ok(self.binding().bind(request).await?.into_inner())
    }

    /// Unbinds: every gateway has taken it out.
    pub async fn unbind(&self, eip: &str, request: Uuid) -> Result<(), Status> {
        self.unbind_at(eip, request).await.map(drop)
    }

    /// The same, and the position that gateways had to reach.
    pub async fn unbind_at(&self, eip: &str, request: Uuid) -> Result<u64, Status> {
        let request =
            UnbindRequest { eip: eip.to_owned(), request_id: request.to_string(), ..Default::default() };
        Ok(self.binding().unbind(request).await?.into_inner().position)
    }

    /// Reads a binding.
    pub async fn get_binding(&self, name: &str) -> Result<Binding, Status> {
        let request = GetBindingRequest { name: name.to_owned() };
        Ok(self.binding().get_binding(request).await?.into_inner())
    }

    /// Every binding as it is, and then every change.
    pub async fn watch_bindings(&self) -> Result<Streaming<WatchBindingsResponse>, Status> {
        let request = WatchBindingsRequest { parent: SCOPE.to_owned(), ..Default::default() };
        Ok(self.binding().watch_bindings(request).await?.into_inner())
    }

    /// Every binding, as far as one page goes.
    pub async fn bindings(&self) -> Result<Vec<Binding>, Status> {
        let request = ListBindingsRequest { parent: SCOPE.to_owned(), page_size: 1000, ..Default::default() };
        Ok(self.binding().list_bindings(request).await?.into_inner().bindings)
    }

    /// Where the gateway stands; with `verify` every kernel table is read back.
    pub async fn status(&self, verify: bool) -> Result<GatewayStatus, Status> {
        let request = GetStatusRequest { parent: REGION.to_owned(), verify };
        Ok(self.dataplane().get_status(request).await?.into_inner())
    }

    /// Who holds what, as far as one page goes.
    pub async fn holders(&self) -> Result<Vec<Holder>, Status> {
        let request = ListHoldersRequest { parent: SCOPE.to_owned(), page_size: 1000, ..Default::default() };
        let mut health = HealthServiceClient::new(self.health.clone());
        Ok(health.list_holders(request).await?.into_inner().holders)
    }

    /// Every holder as it is, and then every change.
    pub async fn watch_holders(&self) -> Result<Streaming<WatchHoldersResponse>, Status> {
        let request = WatchHoldersRequest { parent: SCOPE.to_owned(), ..Default::default() };
        let mut health = HealthServiceClient::new(self.health.clone());
        Ok(health.watch_holders(request).await?.into_inner())
    }

    /// The whole log.
    pub async fn commits(&self) -> Result<Vec<Commit>, Status> {
        let (mut commits, mut after) = (Vec::new(), 0);
        loop {
            let request = ListCommitsRequest { parent: REGION.to_owned(), after, page_size: 1000 };
            let page = self.dataplane().list_commits(request).await?.into_inner();
            commits.extend(page.commits);
            match page.next_after {
                0 => return Ok(commits),
                next => after = next,
            }
        }
    }
}

fn endpoint(address: &str) -> Result<Endpoint, Error> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?.timeout(DEADLINE))
}
