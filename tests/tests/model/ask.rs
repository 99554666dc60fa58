//! A command over gRPC, until there is an answer: the server may die meanwhile, is started again then, and asked again with
//! the same request id.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use mooring_proto::binding::v1::{
    BindRequest, MoveRequest, UnbindRequest, binding::State, binding_service_client::BindingServiceClient,
};
use mooring_proto::mask::FieldMask;
use mooring_proto::resource::v1::{
    AllocateEipRequest, CreateHavipRequest, CreateSubnetRequest, CreateVnicRequest, CreateVpcRequest,
    DeleteHavipRequest, DeleteSubnetRequest, DeleteVnicRequest, DeleteVpcRequest, DrainPoolRequest, Eip,
    Havip, Pool, Quota, Quotas, ReleaseEipRequest, ResumePoolRequest, Subnet, UpdateEipRequest,
    UpdateHavipRequest, UpdatePoolRequest, UpdateQuotasRequest, UpdateSubnetRequest, Vnic, Vpc,
    havip::ClaimPolicy, resource_service_client::ResourceServiceClient,
};
use mooring_tests::Mooringd;
use mooring_tests::channel::Channel;
use mooring_tests::load::{may_be_tried_again, reason};
use tokio::time::{Instant, sleep};
use tonic::{Code, Status, transport::Endpoint};
use uuid::Uuid;

use crate::commands::{Command, What};
use crate::world::{Done, Limits, PROJECTS, World};

/// Longer than the server keeps anybody.
const ONE_TRY: Duration = Duration::from_secs(40);
/// How long a command may go unanswered, over all its tries.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(5);

pub struct Asker {
    pub server: Mooringd,
    /// The projects', then the operator's.
    channels: Vec<Channel>,
    /// How often the server died while it was asked.
    pub crashes: usize,
}

/// An answer, and whether the server died before it came.
pub struct Answer {
    pub told: Result<Done, String>,
    pub crashed: bool,
}

impl Asker {
    pub async fn of(server: Mooringd) -> Asker {
        let mut asker = Asker { server, channels: Vec::new(), crashes: 0 };
        asker.connect().await;
        asker
    }

    /// Starts the server again, with a crash point or without.
    pub async fn restart(&mut self, crash_at: Option<&str>) {
        // At its crash point it may die before it is ready.
        if self.server.restart(crash_at).is_err() {
            self.server.restart(None).unwrap();
        }
        self.connect().await;
    }

    async fn connect(&mut self) {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.server.address())).unwrap();
        let channel = Channel::operator(endpoint.timeout(ONE_TRY).connect_lazy());
        self.channels = PROJECTS.iter().map(|project| channel.member(project.id)).collect();
        self.channels.push(channel);
    }

    pub fn channel(&self, by: usize) -> Channel {
        self.channels[by].clone()
    }

    /// Whoever may ask for it.
    fn channel_of(&self, command: &Command) -> Channel {
        match command.what {
            What::UpdateQuotas { .. }
            | What::UpdatePool { .. }
            | What::DrainPool { .. }
            | What::ResumePool { .. } => self.operator(),
            _ => self.channel(command.by),
        }
    }

    pub fn operator(&self) -> Channel {
        self.channels[PROJECTS.len()].clone()
    }

    pub async fn ask(
        &mut self,
        world: &World,
        command: &Command,
        request: Uuid,
        validate_only: bool,
    ) -> Answer {
        let (end, mut crashed) = (Instant::now() + PATIENCE, false);
        loop {
            let status = match call(&self.channel_of(command), world, command, request, validate_only).await {
                Ok(done) => return Answer { told: Ok(done), crashed },
                Err(status) => status,
            };
            let why = reason(&status);
            // What an earlier command has set going is waited for.
            let waits = status.code() == Code::Aborted && why.ends_with("IN_TRANSITION");
            let refused = !may_be_tried_again(&status) || status.code() == Code::ResourceExhausted;
            if refused && !waits {
                return Answer { told: Err(why), crashed };
            }
            assert!(Instant::now() < end, "{command:?} {request}: no answer; the last was {status:?}");
            crashed |= self.revive().await;
            sleep(PAUSE).await;
        }
    }

    /// Starts the server again if it has died; says whether it had.
    pub async fn revive(&mut self) -> bool {
        let died = self.server.has_ended();
        if died {
            self.crashes += 1;
            self.restart(None).await;
        }
        died
    }
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn done(name: &str, address: &str, revision: u64) -> Done {
    Done { name: name.to_owned(), address: address.parse::<IpAddr>().ok(), revision }
}

async fn call(
    channel: &Channel,
    world: &World,
    command: &Command,
    request: Uuid,
    validate_only: bool,
) -> Result<Done, Status> {
    let mut resource = ResourceServiceClient::new(channel.clone());
    let (parent, request_id) = (PROJECTS[command.by].scope.to_owned(), request.to_string());
    let called = |name: String| as_called(command, name);
    match command.what.clone() {
        What::CreateVpc { label: display_name } => {
            let vpc = Some(Vpc { display_name, ..Vpc::default() });
            let request = CreateVpcRequest { parent, vpc, request_id, validate_only };
            let vpc = resource.create_vpc(request).await?.into_inner();
            Ok(done(&vpc.name, "", vpc.position))
        }
        What::CreateSubnet { vpc, label: display_name, cidr, reserved } => {
            let (vpc, cidr, reserved) = (called(vpc), cidr.to_string(), texts(&reserved));
            let subnet = Some(Subnet { vpc, display_name, cidr, reserved, ..Subnet::default() });
            let request = CreateSubnetRequest { parent, subnet, request_id, validate_only };
            let subnet = resource.create_subnet(request).await?.into_inner();
            Ok(done(&subnet.name, "", subnet.position))
        }
        What::CreateVnic { subnet, instance, mac, address } => {
            let (mac, address) = (format!("02:00:00:00:00:{mac:02x}"), address.to_string());
            let subnet = called(subnet);
            let vnic = Some(Vnic { subnet, instance, mac, address, ..Vnic::default() });
            let request = CreateVnicRequest { parent, vnic, request_id, validate_only };
            let vnic = resource.create_vnic(request).await?.into_inner();
            Ok(done(&vnic.name, &vnic.address, vnic.position))
        }
        What::CreateHavip { subnet, label: display_name, address, members, open } => {
            let (subnet, address, claim_policy) = (called(subnet), text(address), policy(open).into());
            let havip = Havip { subnet, display_name, address, members, claim_policy, ..Havip::default() };
            let request = CreateHavipRequest { parent, havip: Some(havip), request_id, validate_only };
            let havip = resource.create_havip(request).await?.into_inner();
            Ok(done(&havip.name, &havip.address, havip.position))
        }
        What::AllocateEip { label, address, pool } => {
            let pool = pool.map(|pool| world.pools[pool].name.clone());
            let (display_name, address, pool) = (text(label), text(address), text(pool));
            let eip = Some(Eip { display_name, address, pool, ..Eip::default() });
            let request = AllocateEipRequest { parent, eip, request_id, validate_only };
            let eip = resource.allocate_eip(request).await?.into_inner();
            Ok(done(&eip.name, &eip.address, eip.position))
        }
        _ => call_operators(channel, world, command, request, validate_only).await,
    }
}

/// As the command says it.
fn as_called(command: &Command, name: String) -> String {
    command.called.get(&name).cloned().unwrap_or(name)
}

fn texts(blocks: &[IpNet]) -> Vec<String> {
    blocks.iter().map(ToString::to_string).collect()
}

fn policy(open: bool) -> ClaimPolicy {
    if open { ClaimPolicy::Subnet } else { ClaimPolicy::Members }
}

/// What the operator does with pools and quotas.
async fn call_operators(
    channel: &Channel,
    world: &World,
    command: &Command,
    request: Uuid,
    validate_only: bool,
) -> Result<Done, Status> {
    let (mut resource, request_id) = (ResourceServiceClient::new(channel.clone()), request.to_string());
    let name = |pool: usize| world.pools[pool].name.clone();
    let pool = match command.what.clone() {
        What::UpdatePool { pool, added, removed, revision: expected_revision } => {
            let pool = Some(Pool { name: name(pool), ..Pool::default() });
            let (add_cidrs, remove_cidrs) = (texts(&added), texts(&removed));
            let request = UpdatePoolRequest {
                pool,
                request_id,
                validate_only,
                expected_revision,
                ..Default::default()
            };
            resource.update_pool(UpdatePoolRequest { add_cidrs, remove_cidrs, ..request }).await?
        }
        What::DrainPool { pool, revision: expected_revision } => {
            let request = DrainPoolRequest { name: name(pool), request_id, validate_only, expected_revision };
            resource.drain_pool(request).await?
        }
        What::ResumePool { pool, revision: expected_revision } => {
            let request =
                ResumePoolRequest { name: name(pool), request_id, validate_only, expected_revision };
            resource.resume_pool(request).await?
        }
        What::UpdateQuotas { limits } => {
            let quotas = Some(quotas_of(PROJECTS[command.by].scope, limits));
            let request =
                UpdateQuotasRequest { quotas, request_id, validate_only, ..UpdateQuotasRequest::default() };
            let quotas = resource.update_quotas(request).await?.into_inner();
            return Ok(done(&quotas.name, "", quotas.position));
        }
        _ => return call_change(channel, command, request, validate_only).await,
    };
    let pool = pool.into_inner();
    Ok(done(&pool.name, "", pool.position))
}

fn quotas_of(scope: &str, limits: Limits) -> Quotas {
    let quota = |limit| Some(Quota { limit, ..Quota::default() });
    Quotas {
        name: format!("{scope}/quotas"),
        eips: quota(limits.eips),
        havips_per_vpc: quota(limits.havips_per_vpc),
        havips_per_instance: quota(limits.havips_per_instance),
        members_per_havip: quota(limits.members_per_havip),
        ..Quotas::default()
    }
}

/// What changes something that there is.
async fn call_change(
    channel: &Channel,
    command: &Command,
    request: Uuid,
    validate_only: bool,
) -> Result<Done, Status> {
    let (mut resource, request_id) = (ResourceServiceClient::new(channel.clone()), request.to_string());
    let called = |name: String| as_called(command, name);
    match command.what.clone() {
        What::UpdateSubnet { subnet: name, label, added, removed, revision: expected_revision } => {
            let subnet = Some(Subnet { name: called(name), display_name: text(label), ..Subnet::default() });
            let request = UpdateSubnetRequest {
                subnet,
                update_mask: None,
                request_id,
                validate_only,
                expected_revision,
                add_reserved: texts(&added),
                remove_reserved: texts(&removed),
            };
            let subnet = resource.update_subnet(request).await?.into_inner();
            Ok(done(&subnet.name, "", subnet.position))
        }
        What::UpdateHavip { havip, label, members, added, removed, open, revision } => {
            let said = [
                ("display_name", label.is_some()),
                ("members", members.is_some()),
                ("claim_policy", open.is_some()),
            ];
            let paths = said.into_iter().filter(|(_, said)| *said).map(|(path, _)| path.to_owned()).collect();
            let (display_name, members) = (text(label), members.unwrap_or_default());
            let (name, claim_policy) = (called(havip), open.map(policy).unwrap_or_default().into());
            let havip = Some(Havip { name, display_name, members, claim_policy, ..Havip::default() });
            let update_mask = Some(FieldMask { paths });
            let request = UpdateHavipRequest {
                havip,
                update_mask,
                request_id,
                validate_only,
                expected_revision: revision,
                add_members: added,
                remove_members: removed,
            };
            let havip = resource.update_havip(request).await?.into_inner();
            Ok(done(&havip.name, &havip.address, havip.position))
        }
        What::UpdateEip { eip: name, label, protected, revision: expected_revision } => {
            let said = [("display_name", label.is_some()), ("delete_protection", protected.is_some())];
            let paths = said.into_iter().filter(|(_, said)| *said).map(|(path, _)| path.to_owned()).collect();
            let (display_name, delete_protection) = (text(label), protected.unwrap_or_default());
            let name = called(name);
            let eip = Some(Eip { name, display_name, delete_protection, ..Eip::default() });
            let update_mask = Some(FieldMask { paths });
            let request = UpdateEipRequest { eip, update_mask, request_id, validate_only, expected_revision };
            let eip = resource.update_eip(request).await?.into_inner();
            Ok(done(&eip.name, &eip.address, eip.position))
        }
        _ => call_end(channel, command, request, validate_only).await,
    }
}

/// What gives something up.
async fn call_end(
    channel: &Channel,
    command: &Command,
    request: Uuid,
    validate_only: bool,
) -> Result<Done, Status> {
    let (mut resource, request_id) = (ResourceServiceClient::new(channel.clone()), request.to_string());
    let called = |name: String| as_called(command, name);
    match command.what.clone() {
        What::DeleteVpc { vpc: name } => {
            let request = DeleteVpcRequest {
                name: called(name),
                request_id,
                validate_only,
                ..DeleteVpcRequest::default()
            };
            Ok(done("", "", resource.delete_vpc(request).await?.into_inner().position))
        }
        What::DeleteSubnet { subnet: name } => {
            let request = DeleteSubnetRequest {
                name: called(name),
                request_id,
                validate_only,
                ..DeleteSubnetRequest::default()
            };
            Ok(done("", "", resource.delete_subnet(request).await?.into_inner().position))
        }
        What::DeleteVnic { vnic: name } => {
            let request = DeleteVnicRequest {
                name: called(name),
                request_id,
                validate_only,
                ..DeleteVnicRequest::default()
            };
            Ok(done("", "", resource.delete_vnic(request).await?.into_inner().position))
        }
        What::DeleteHavip { havip: name, revision: expected_revision } => {
            let request =
                DeleteHavipRequest { name: called(name), request_id, validate_only, expected_revision };
            Ok(done("", "", resource.delete_havip(request).await?.into_inner().position))
        }
        What::ReleaseEip { eip: name, revision: expected_revision } => {
            let request =
                ReleaseEipRequest { name: called(name), request_id, validate_only, expected_revision };
            Ok(done("", "", resource.release_eip(request).await?.into_inner().position))
        }
        _ => call_binding(channel, command, request, validate_only).await,
    }
}

async fn call_binding(
    channel: &Channel,
    command: &Command,
    request: Uuid,
    validate_only: bool,
) -> Result<Done, Status> {
    let (mut bindings, request_id) = (BindingServiceClient::new(channel.clone()), request.to_string());
    let called = |name: String| as_called(command, name);
    let binding = match command.what.clone() {
        What::Bind { eip, havip } => {
            let (eip, havip) = (called(eip), called(havip));
            let request = BindRequest { eip, havip, request_id, validate_only, ..BindRequest::default() };
            bindings.bind(request).await?.into_inner()
        }
        What::Move { eip, havip, revision: expected_revision } => {
            let (eip, havip, wait_applied) = (called(eip), called(havip), false);
            let request =
                MoveRequest { eip, havip, request_id, wait_applied, validate_only, expected_revision };
            bindings.r#move(request).await?.into_inner()
        }
        What::Unbind { eip, revision: expected_revision } => {
            let eip = called(eip);
            let request = UnbindRequest { eip, request_id, validate_only, expected_revision };
            return Ok(done("", "", bindings.unbind(request).await?.into_inner().position));
        }
        other => panic!("{other:?} is not binding's"),
    };
    assert_eq!(binding.state(), State::InUse, "{binding:?}");
    Ok(done(&binding.name, "", binding.position))
}
