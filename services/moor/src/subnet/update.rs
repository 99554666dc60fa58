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
    #[arg(long, value_name = "NAME", group = "change")]
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
        let present = moor.find::<Subnet>(Argument::new("SUBNET", &self.subnet)).await?;
        let reserved = self.reserved(&present)?;
        // What was added to, or taken out of, what is there now counts only as long as that is there.
        let expected_revision = match (self.expected.revision, &reserved) {
            (0, Some(_)) => present.position,
            (expected, _) => expected,
        };
        let paths = [("display_name", self.display_name.is_some()), ("reserved", reserved.is_some())];
        let paths = paths.into_iter().filter(|(_, changed)| *changed).map(|(path, _)| path.to_owned());
        let update_mask = Some(FieldMask { paths: paths.collect() });
        let subnet = Some(Subnet {
            name: present.name,
            display_name: self.display_name.unwrap_or_default(),
            reserved: reserved.unwrap_or_default(),
            ..Default::default()
        });
        let (request_id, validate_only) = moor.of_write();
        let message =
            UpdateSubnetRequest { subnet, update_mask, request_id, validate_only, expected_revision };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).update_subnet(request).await;
        let updated = moor.write(&moor.resource, message, rpc).await.map_err(|failure| {
            let failure = failure.of_argument("subnet.display_name", "--display-name");
            failure.of_argument("subnet.reserved", "--reserve")
        });
        moor.show(&updated?).await
    }

    /// All that there are to be, if they change.
    fn reserved(&self, present: &Subnet) -> Result<Option<Vec<String>>, Failure> {
        if self.reserved.is_empty() && self.unreserved.is_empty() {
            return Ok(None);
        }
        let mut reserved = present.reserved.clone();
        for text in &self.unreserved {
            let place = reserved.iter().position(|block| block == text).ok_or_else(|| {
                let (argument, all) = (Argument::new("--unreserve", text), reserved.join(", "));
                let name = &present.display_name;
                Failure::argument(argument, &format!("{text} is not reserved in {name}; what is: {all}"))
            })?;
            reserved.remove(place);
        }
        reserved.extend(self.reserved.iter().cloned());
        Ok(Some(reserved))
    }
}
