//! `moor gateway`: the hosts that carry a region's EIP traffic.

pub mod asked;
mod drops;
mod wait;

use clap::Subcommand;
use mooring_proto::binding::v1::{
    Attestation, DecommissionGatewayRequest, Gateway, ListAttestationsRequest, ListGatewaysRequest,
    gateway_service_client::GatewayServiceClient,
};

use crate::{
    client::LARGEST_ANSWER,
    failure::Failure,
    invocation::Invocation,
    labels::Labels,
    output::{Format, Row},
    resolve::{Argument, Reference, last_part},
    revision::Expected,
    status,
};

/// What can be done with gateways. They register themselves.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the region's gateways
    List,
    /// Show how many packets the gateway that answers has dropped, by VPC and reason, since its rules were made
    Drops,
    /// Wait until gateways' kernels have everything up to a position of the log; after 20 s say which have not, and why
    Wait {
        /// The position, as a write answers it [default: the log's end]
        #[arg(default_value_t)]
        position: u64,
        /// Only for this gateway: its name, or the URL of its dataplane-sync; may be repeated [default: every registered one]
        #[arg(long, value_name = "GATEWAY")]
        gateway: Vec<String>,
        /// Only for this VPC's kernels: full name, id or display name
        #[arg(long, value_name = "VPC")]
        vpc: Option<String>,
    },
    /// Say that a gateway carries nothing any more: no unbind waits for it from then on. Only for a machine that is off
    /// for good: one that still forwards would go on fronting what has been unbound
    Decommission {
        /// The gateway's name
        name: String,
        #[command(flatten)]
        expected: Expected,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        match self {
            Self::List => {
                let gateways = list(moor).await?;
                moor.output.all(&gateways, &vpcs_of(moor, &gateways).await)
            }
            Self::Drops => drops::run(moor).await,
            Self::Wait { position, gateway, vpc } => {
                wait::run(moor, position, &gateway, vpc.as_deref()).await
            }
            Self::Decommission { name, expected } => {
                let argument = Argument::new("NAME", &name);
                let name = Reference::regional(argument, "gateways", "gateway", &moor.home)?.name;
                let (request_id, validate_only) = moor.of_write();
                let expected_revision = expected.revision;
                let message =
                    DecommissionGatewayRequest { name, request_id, validate_only, expected_revision };
                let rpc = async |channel, request| {
                    GatewayServiceClient::new(channel).decommission_gateway(request).await
                };
                let done = moor.write(&moor.binding, message, rpc).await;
                moor.show(&done.map_err(|failure| argument.failed(failure))?).await
            }
        }
    }
}

/// Reads the region's gateways.
pub async fn list(moor: &Invocation) -> Result<Vec<Gateway>, Failure> {
    let message = ListGatewaysRequest { parent: moor.home.regional_parent()? };
    let rpc = async |channel, request| GatewayServiceClient::new(channel).list_gateways(request).await;
    Ok(moor.binding.call(message, rpc).await?.gateways)
}

/// Reads what the region's gateways said of their kernels' hashes.
pub async fn attestations(moor: &Invocation) -> Result<Vec<Attestation>, Failure> {
    let message = ListAttestationsRequest { parent: moor.home.regional_parent()? };
    let rpc = async |channel, request| {
        let client = GatewayServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
        { client }.list_attestations(request).await
    };
    Ok(moor.binding.call(message, rpc).await?.attestations)
}

/// The display names of the VPCs that gateways are stuck with, which they know by id. A table does not fail for want of them.
async fn vpcs_of(moor: &Invocation, gateways: &[Gateway]) -> Labels {
    if moor.output == Format::Json || gateways.iter().all(|gateway| gateway.stuck.is_empty()) {
        return Labels::default();
    }
    status::dataplane(moor, false).await.map(|dataplane| Labels::of_vpcs(&dataplane.vpcs)).unwrap_or_default()
}

/// How long ago a gateway reported, for people.
pub fn reported(gateway: &Gateway) -> String {
    gateway
        .report_age_ms
        .map_or_else(|| "never".to_owned(), |age| format!("{}.{:03} s ago", age / 1000, age % 1000))
}

impl Row for Gateway {
    const PROTO: &'static str = "mooring.binding.v1.Gateway";
    const PLURAL: &'static str = "gateways";
    const COLUMNS: &'static [&'static str] = &["NAME", "STATE", "APPLIED", "REPORTED", "STUCK", "POSITION"];

    fn mentions(&self) -> Vec<&str> {
        Vec::new()
    }

    fn cells(&self, labels: &Labels) -> Vec<String> {
        let stuck = self.stuck.iter().map(|stuck| {
            format!("VPC {} at position {}: {}", labels.of(&stuck.vpc), stuck.position, stuck.cause)
        });
        vec![
            last_part(&self.name).to_owned(),
            if self.registered { "registered" } else { "decommissioned" }.to_owned(),
            self.applied_position.to_string(),
            reported(self),
            stuck.collect::<Vec<_>>().join("; "),
            self.position.to_string(),
        ]
    }
}
