//! `moor havip update`: what may change of a HAVIP, also while an EIP fronts it.

use clap::{ArgGroup, Args, ValueEnum};
use mooring_proto::resource::v1::{
    Damping, Havip, UpdateHavipRequest, Vnic, havip::ClaimPolicy,
    resource_service_client::ResourceServiceClient,
};
use prost_types::FieldMask;

use super::rules;
use crate::{failure::Failure, invocation::Invocation, resolve::Argument, revision::Expected};

/// Changes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    /// Name, id or display name
    havip: String,
    /// Its display name from now on
    #[arg(long, alias = "name", value_name = "NAME", group = "change")]
    display_name: Option<String>,
    /// A vNIC that may claim it, too: name, id or instance. Once for each
    #[arg(long = "add-member", value_name = "VNIC", group = "change")]
    added: Vec<String>,
    /// A member that may claim it no more: name, id or instance. Once for each. If it holds the HAVIP, it loses it at once
    #[arg(long = "remove-member", value_name = "VNIC", group = "change")]
    removed: Vec<String>,
    /// Who may claim it
    #[arg(long, value_enum, group = "change")]
    claims: Option<rules::Claims>,
    /// How long a new holder keeps it at least, as in create
    #[arg(long, value_name = "STEP/CAP", value_parser = rules::damping, group = "change")]
    damping: Option<Damping>,
    /// Whether who may claim it may announce it over gRPC, too
    #[arg(long, value_enum, group = "change")]
    announce: Option<Switch>,
    #[command(flatten)]
    expected: Expected,
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Update {
    /// Asks for it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let paths = [
            ("display_name", self.display_name.is_some()),
            ("claim_policy", self.claims.is_some()),
            ("damping", self.damping.is_some()),
            ("announce", self.announce.is_some()),
        ];
        let paths = paths.into_iter().filter(|(_, changed)| *changed).map(|(path, _)| path.to_owned());
        let havip = Havip {
            name: moor.named::<Havip>(Argument::new("HAVIP", &self.havip))?,
            display_name: self.display_name.unwrap_or_default(),
            claim_policy: self.claims.map(ClaimPolicy::from).unwrap_or_default().into(),
            damping: self.damping,
            announce: self.announce == Some(Switch::On),
            ..Default::default()
        };
        let update_mask = Some(FieldMask { paths: paths.collect() });
        let (request_id, validate_only) = moor.of_write();
        let message = UpdateHavipRequest {
            havip: Some(havip),
            update_mask,
            request_id,
            validate_only,
            expected_revision: self.expected.revision,
            add_members: vnics(moor, "--add-member", &self.added)?,
            remove_members: vnics(moor, "--remove-member", &self.removed)?,
        };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).update_havip(request).await;
        let updated = moor.write(&moor.resource, message, rpc).await;
        moor.show(&updated.map_err(of_flags)?).await
    }
}

/// An instance is unique in its subnet only: the server, which knows the subnet, finds the vNIC.
fn vnics(moor: &Invocation, flag: &'static str, texts: &[String]) -> Result<Vec<String>, Failure> {
    texts.iter().map(|text| moor.named::<Vnic>(Argument::new(flag, text))).collect()
}

fn of_flags(failure: Failure) -> Failure {
    [("havip.name", "HAVIP"), ("havip.members", "--add-member"), ("havip.damping", "--damping")]
        .into_iter()
        .chain([("add_members", "--add-member"), ("remove_members", "--remove-member")])
        .chain([("havip.display_name", "--display-name")])
        .fold(failure, |failure, (field, flag)| failure.of_argument(field, flag))
}
