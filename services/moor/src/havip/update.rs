//! `moor havip update`: what may change of a HAVIP, also while an EIP fronts it.

use clap::{ArgGroup, Args, ValueEnum};
use mooring_proto::resource::v1::{
    Damping, Havip, UpdateHavipRequest, Vnic, havip::ClaimPolicy,
    resource_service_client::ResourceServiceClient,
};
use prost_types::FieldMask;

use super::rules;
use crate::{
    failure::Failure,
    invocation::{Invocation, Resource},
    labels::Labels,
    resolve::{Argument, last_part},
    revision::Expected,
};

/// Changes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    /// Name, id or display name
    havip: String,
    /// Its display name from now on
    #[arg(long, value_name = "NAME", group = "change")]
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
        let present = moor.find::<Havip>(Argument::new("HAVIP", &self.havip)).await?;
        let members = self.members(moor, &present).await?;
        // What was added to, or taken out of, what is there now counts only as long as that is there.
        let expected_revision = match (self.expected.revision, &members) {
            (0, Some(_)) => present.position,
            (expected, _) => expected,
        };
        let paths = [
            ("display_name", self.display_name.is_some()),
            ("members", members.is_some()),
            ("claim_policy", self.claims.is_some()),
            ("damping", self.damping.is_some()),
            ("announce", self.announce.is_some()),
        ];
        let paths = paths.into_iter().filter(|(_, changed)| *changed).map(|(path, _)| path.to_owned());
        let havip = Havip {
            name: present.name,
            display_name: self.display_name.unwrap_or_default(),
            members: members.unwrap_or_default(),
            claim_policy: self.claims.map(ClaimPolicy::from).unwrap_or_default().into(),
            damping: self.damping,
            announce: self.announce == Some(Switch::On),
            ..Default::default()
        };
        let update_mask = Some(FieldMask { paths: paths.collect() });
        let (request_id, validate_only) = moor.of_write();
        let havip = Some(havip);
        let message = UpdateHavipRequest { havip, update_mask, request_id, validate_only, expected_revision };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).update_havip(request).await;
        let updated = moor.write(&moor.resource, message, rpc).await;
        moor.show(&updated.map_err(of_flags)?).await
    }

    /// All that there are to be, if they change.
    async fn members(&self, moor: &Invocation, present: &Havip) -> Result<Option<Vec<String>>, Failure> {
        if self.added.is_empty() && self.removed.is_empty() {
            return Ok(None);
        }
        let mut members = present.members.clone();
        if !self.removed.is_empty() {
            let labels = Labels::read(moor, members.iter().map(String::as_str)).await;
            for text in &self.removed {
                let argument = Argument::new("--remove-member", text);
                let named = Vnic::reference(argument, &moor.home)?.name;
                let is_it = |name: &String| {
                    *name == named || labels.get(name).is_some_and(|instance| instance == last_part(&named))
                };
                let place = members.iter().position(is_it).ok_or_else(|| {
                    Failure::argument(argument, &format!("{text} is no member of {}", present.display_name))
                })?;
                members.remove(place);
            }
        }
        // An instance is unique in its subnet only: the server, which knows the subnet, finds the vNIC.
        for text in &self.added {
            members.push(Vnic::reference(Argument::new("--add-member", text), &moor.home)?.name);
        }
        Ok(Some(members))
    }
}

fn of_flags(failure: Failure) -> Failure {
    [("havip.name", "HAVIP"), ("havip.members", "--add-member"), ("havip.damping", "--damping")]
        .into_iter()
        .chain([("havip.display_name", "--display-name")])
        .fold(failure, |failure, (field, flag)| failure.of_argument(field, flag))
}
