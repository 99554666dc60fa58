//! A command over gRPC, until there is an answer: the server may die meanwhile, is started again then, and asked again with
//! the same request id.

use std::net::Ipv4Addr;
use std::time::Duration;

use mooring_proto::binding::v1::{
    BindRequest, MoveRequest, UnbindRequest, binding::State, binding_service_client::BindingServiceClient,
};
use mooring_proto::mask::FieldMask;
use mooring_proto::resource::v1::{
    AllocateEipRequest, CreateHavipRequest, CreateSubnetRequest, CreateVnicRequest, CreateVpcRequest,
    DeleteHavipRequest, DeleteSubnetRequest, DeleteVnicRequest, DeleteVpcRequest, Eip, Havip, Quota, Quotas,
    ReleaseEipRequest, Subnet, UpdateEipRequest, UpdateHavipRequest, UpdateQuotasRequest, Vnic, Vpc,
    resource_service_client::ResourceServiceClient,
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
            What::UpdateQuotas { .. } => self.operator(),
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
    Done { name: name.to_owned(), address: address.parse::<Ipv4Addr>().ok(), revision }
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
    match command.what.clone() {
        What::CreateVpc { label: display_name } => {
            let vpc = Some(Vpc { display_name, ..Vpc::default() });
            let request = CreateVpcRequest { parent, vpc, request_id, validate_only };
            let vpc = resource.create_vpc(request).await?.into_inner();
            Ok(done(&vpc.name, "", vpc.position))
        }
        What::CreateSubnet { vpc, label: display_name, cidr } => {
            let subnet = Some(Subnet { vpc, display_name, cidr: cidr.to_owned(), ..Subnet::default() });
            let request = CreateSubnetRequest { parent, subnet, request_id, validate_only };
            let subnet = resource.create_subnet(request).await?.into_inner();
            Ok(done(&subnet.name, "", subnet.position))
        }
        What::CreateVnic { subnet, instance, mac, address } => {
            let (mac, address) = (format!("02:00:00:00:00:{mac:02x}"), address.to_string());
            let vnic = Some(Vnic { subnet, instance, mac, address, ..Vnic::default() });
            let request = CreateVnicRequest { parent, vnic, request_id, validate_only };
            let vnic = resource.create_vnic(request).await?.into_inner();
            Ok(done(&vnic.name, &vnic.address, vnic.position))
        }
        What::CreateHavip { subnet, label: display_name, address, members } => {
            let havip = Havip { subnet, display_name, address: text(address), members, ..Havip::default() };
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
        _ => call_change(channel, command, request, validate_only).await,
    }
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

/// What changes or deletes something that there is.
async fn call_change(
    channel: &Channel,
    command: &Command,
    request: Uuid,
    validate_only: bool,
) -> Result<Done, Status> {
    let (mut resource, request_id) = (ResourceServiceClient::new(channel.clone()), request.to_string());
    match command.what.clone() {
        What::UpdateQuotas { limits } => {
            let quotas = Some(quotas_of(PROJECTS[command.by].scope, limits));
            let request =
                UpdateQuotasRequest { quotas, request_id, validate_only, ..UpdateQuotasRequest::default() };
            let quotas = resource.update_quotas(request).await?.into_inner();
            Ok(done(&quotas.name, "", quotas.position))
        }
        What::UpdateHavip { havip: name, label, members, revision: expected_revision } => {
            let said = [("display_name", label.is_some()), ("members", members.is_some())];
            let paths = said.into_iter().filter(|(_, said)| *said).map(|(path, _)| path.to_owned()).collect();
            let (display_name, members) = (text(label), members.unwrap_or_default());
            let havip = Some(Havip { name, display_name, members, ..Havip::default() });
            let update_mask = Some(FieldMask { paths });
            let request = UpdateHavipRequest {
                havip,
                update_mask,
                request_id,
                validate_only,
                expected_revision,
                ..UpdateHavipRequest::default()
            };
            let havip = resource.update_havip(request).await?.into_inner();
            Ok(done(&havip.name, &havip.address, havip.position))
        }
        What::DeleteVpc { vpc: name } => {
            let request = DeleteVpcRequest { name, request_id, validate_only, ..DeleteVpcRequest::default() };
            Ok(done("", "", resource.delete_vpc(request).await?.into_inner().position))
        }
        What::DeleteSubnet { subnet: name } => {
            let request =
                DeleteSubnetRequest { name, request_id, validate_only, ..DeleteSubnetRequest::default() };
            Ok(done("", "", resource.delete_subnet(request).await?.into_inner().position))
        }
        What::DeleteVnic { vnic: name } => {
            let request =
                DeleteVnicRequest { name, request_id, validate_only, ..DeleteVnicRequest::default() };
            Ok(done("", "", resource.delete_vnic(request).await?.into_inner().position))
        }
        What::DeleteHavip { havip: name, revision: expected_revision } => {
            let request = DeleteHavipRequest { name, request_id, validate_only, expected_revision };
            Ok(done("", "", resource.delete_havip(request).await?.into_inner().position))
        }
        What::UpdateEip { eip: name, label, protected, revision: expected_revision } => {
            let said = [("display_name", label.is_some()), ("delete_protection", protected.is_some())];
            let paths = said.into_iter().filter(|(_, said)| *said).map(|(path, _)| path.to_owned()).collect();
            let (display_name, delete_protection) = (text(label), protected.unwrap_or_default());
            let eip = Some(Eip { name, display_name, delete_protection, ..Eip::default() });
            let update_mask = Some(FieldMask { paths });
            let request = UpdateEipRequest { eip, update_mask, request_id, validate_only, expected_revision };
            let eip = resource.update_eip(request).await?.into_inner();
            Ok(done(&eip.name, &eip.address, eip.position))
        }
        What::ReleaseEip { eip: name, revision: expected_revision } => {
            let request = ReleaseEipRequest { name, request_id, validate_only, expected_revision };
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
    let binding = match command.what.clone() {
        What::Bind { eip, havip } => {
            let request = BindRequest { eip, havip, request_id, validate_only, ..BindRequest::default() };
            bindings.bind(request).await?.into_inner()
        }
        What::Move { eip, havip, revision: expected_revision } => {
            let wait_applied = false;
            let request =
                MoveRequest { eip, havip, request_id, wait_applied, validate_only, expected_revision };
            bindings.r#move(request).await?.into_inner()
        }
        What::Unbind { eip, revision: expected_revision } => {
            let request = UnbindRequest { eip, request_id, validate_only, expected_revision };
            return Ok(done("", "", bindings.unbind(request).await?.into_inner().position));
        }
        other => panic!("{other:?} is not binding's"),
    };
    assert_eq!(binding.state(), State::InUse, "{binding:?}");
    Ok(done(&binding.name, "", binding.position))
}
