//! `moor subnet update`: what may change of a subnet.

use clap::{ArgGroup, Args};
use mooring_proto::resource::v1::{
    Subnet, UpdateSubnetRequest, resource_service_client::ResourceServiceClient,
};
use prost_types::FieldMask;

use crate::{failure::Failure, invocation::Invocation, resolve::Argument, revision::Expected};

/// Changes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    /// Name, id or display name
    subnet: String,
    /// Its display name from now on
    #[arg(long, alias = "name", value_name = "NAME", group = "change")]
    display_name: Option<String>,
    /// A block of which no vNIC and no HAVIP takes an address any more. Once for each
    #[arg(long = "reserve", value_name = "CIDR", group = "change")]
    reserved: Vec<String>,
    /// A block whose addresses may be taken again. Once for each
    #[arg(long = "unreserve", value_name = "CIDR", group = "change")]
    unreserved: Vec<String>,
    #[command(flatten)]
    expected: Expected,
}

impl Update {
    /// Asks for it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let changed = self.display_name.is_some().then(|| "display_name".to_owned());
        let update_mask = Some(FieldMask { paths: changed.into_iter().collect() });
        let subnet = Some(Subnet {
            name: moor.named::<Subnet>(Argument::new("SUBNET", &self.subnet))?,
            display_name: self.display_name.unwrap_or_default(),
            ..Default::default()
        });
        let (request_id, validate_only) = moor.of_write();
        let message = UpdateSubnetRequest {
            subnet,
            update_mask,
            request_id,
            validate_only,
            expected_revision: self.expected.revision,
            add_reserved: self.reserved,
            remove_reserved: self.unreserved,
        };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).update_subnet(request).await;
        let updated = moor.write(&moor.resource, message, rpc).await;
        moor.show(&updated.map_err(of_flags)?).await
    }
}

fn of_flags(failure: Failure) -> Failure {
    [("subnet.name", "SUBNET"), ("subnet.display_name", "--display-name"), ("subnet.reserved", "--reserve")]
        .into_iter()
        .chain([("add_reserved", "--reserve"), ("remove_reserved", "--unreserve")])
        .fold(failure, |failure, (field, flag)| failure.of_argument(field, flag))
}
