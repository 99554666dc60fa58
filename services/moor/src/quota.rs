//! `moor quota`: how much a project may have in a region.

use clap::{Args, Subcommand};
use mooring_proto::resource::v1::{
    GetQuotasRequest, Quota, Quotas, UpdateQuotasRequest, resource_service_client::ResourceServiceClient,
};

use crate::{failure::Failure, invocation::Invocation, labels::Labels, output::Row, revision::Expected};

/// What can be done with a project's quotas.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show what the project may have in the region, and has
    Get,
    /// Give the project other limits, the operator's; only what is given here changes
    Update {
        #[command(flatten)]
        limits: Limits,
        #[command(flatten)]
        expected: Expected,
    },
}

/// The limits; 0: none may be made.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Limits {
    /// EIPs
    #[arg(long, value_name = "LIMIT")]
    eips: Option<u64>,
    /// HAVIPs in one VPC
    #[arg(long, value_name = "LIMIT")]
    havips_per_vpc: Option<u64>,
    /// HAVIPs that one instance is a member of
    #[arg(long, value_name = "LIMIT")]
    havips_per_instance: Option<u64>,
    /// Members of one HAVIP
    #[arg(long, value_name = "LIMIT")]
    members_per_havip: Option<u64>,
}

impl Verb {
    /// Does it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let name = format!("{}/quotas", moor.home.scope()?);
        match self {
            Self::Get => {
                let rpc =
                    async |channel, request| ResourceServiceClient::new(channel).get_quotas(request).await;
                moor.show(&moor.resource.call(GetQuotasRequest { name }, rpc).await?).await
            }
            Self::Update { limits, expected } => {
                moor.show(&update(moor, limits.quotas(name), expected).await?).await
            }
        }
    }
}

impl Limits {
    fn quotas(&self, name: String) -> Quotas {
        let quota = |limit: Option<u64>| limit.map(|limit| Quota { limit, ..Quota::default() });
        Quotas {
            name,
            eips: quota(self.eips),
            havips_per_vpc: quota(self.havips_per_vpc),
            havips_per_instance: quota(self.havips_per_instance),
            members_per_havip: quota(self.members_per_havip),
            position: 0,
        }
    }
}

/// Without a mask: what is set changes.
async fn update(moor: &Invocation, quotas: Quotas, expected: Expected) -> Result<Quotas, Failure> {
    let (request_id, validate_only) = moor.of_write();
    let message = UpdateQuotasRequest {
        quotas: Some(quotas),
        update_mask: None,
        request_id,
        validate_only,
        expected_revision: expected.revision,
    };
    moor.write(&moor.resource, message, async |channel, request| {
        ResourceServiceClient::new(channel).update_quotas(request).await
    })
    .await
}

/// Used and limit, and who uses that much.
fn cell(quota: Option<&Quota>, labels: &Labels) -> String {
    let Some(Quota { limit, used, used_by }) = quota else { return String::new() };
    match &*labels.of(used_by) {
        "" => format!("{used}/{limit}"),
        by => format!("{used}/{limit} ({by})"),
    }
}

/// All four.
fn each(quotas: &Quotas) -> [Option<&Quota>; 4] {
    [&quotas.eips, &quotas.havips_per_vpc, &quotas.havips_per_instance, &quotas.members_per_havip]
        .map(Option::as_ref)
}

impl Row for Quotas {
    const PROTO: &'static str = "mooring.resource.v1.Quotas";
    const PLURAL: &'static str = "quotas";
    const COLUMNS: &'static [&'static str] =
        &["EIPS", "HAVIPS PER VPC", "HAVIPS PER INSTANCE", "MEMBERS PER HAVIP", "POSITION"];

    fn mentions(&self) -> Vec<&str> {
        each(self).into_iter().flatten().map(|quota| quota.used_by.as_str()).collect()
    }

    fn cells(&self, labels: &Labels) -> Vec<String> {
        let position = self.position.to_string();
        each(self).into_iter().map(|quota| cell(quota, labels)).chain([position]).collect()
    }
}
