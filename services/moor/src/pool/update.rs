//! `moor pool update`, `drain`, `resume`: what the operator does with a pool that there is.

use clap::{ArgGroup, Args};
use mooring_proto::resource::v1::{
    DrainPoolRequest, Pool, ResumePoolRequest, UpdatePoolRequest,
    resource_service_client::ResourceServiceClient,
};
use prost_types::FieldMask;

use super::cooling;
use crate::{failure::Failure, invocation::Invocation, resolve::Argument, revision::Expected};

/// Changes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    /// Name, id or display name
    pool: String,
    /// Its display name from now on
    #[arg(long, value_name = "NAME", group = "change")]
    display_name: Option<String>,
    /// A block that comes to it. Once for each
    #[arg(long = "add-block", value_name = "CIDR", group = "change")]
    added: Vec<String>,
    /// A block that goes, once none of its addresses is allocated or cools. Once for each
    #[arg(long = "remove-block", value_name = "CIDR", group = "change")]
    removed: Vec<String>,
    /// For how long only the project that had an address gets it again, such as 12h, or 0s; for what is released from now on
    #[arg(long, value_name = "TIME", value_parser = cooling, group = "change")]
    cooling: Option<u64>,
    #[command(flatten)]
    expected: Expected,
}

/// A pool whose draining begins or ends.
#[derive(Debug, Args)]
pub struct One {
    /// Name, id or display name
    pool: String,
    #[command(flatten)]
    expected: Expected,
}

impl Update {
    /// Asks for it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let present = moor.find::<Pool>(Argument::new("POOL", &self.pool)).await?;
        let cidrs = self.cidrs(&present)?;
        // What was added to, or taken out of, what is there now counts only as long as that is there.
        let expected_revision = match (self.expected.revision, &cidrs) {
            (0, Some(_)) => present.position,
            (expected, _) => expected,
        };
        let paths = [
            ("display_name", self.display_name.is_some()),
            ("cidrs", cidrs.is_some()),
            ("cooling_ms", self.cooling.is_some()),
        ];
        let paths = paths.into_iter().filter(|(_, changed)| *changed).map(|(path, _)| path.to_owned());
        let update_mask = Some(FieldMask { paths: paths.collect() });
        let pool = Some(Pool {
            name: present.name,
            display_name: self.display_name.unwrap_or_default(),
            cidrs: cidrs.unwrap_or_default(),
            cooling_ms: self.cooling,
            ..Default::default()
        });
        let (request_id, validate_only) = moor.of_write();
        let message = UpdatePoolRequest { pool, update_mask, request_id, validate_only, expected_revision };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).update_pool(request).await;
        let updated = moor.write(&moor.resource, message, rpc).await.map_err(|failure| {
            let failure = failure.of_argument("pool.display_name", "--display-name");
            let failure = failure.of_argument("pool.cooling_ms", "--cooling");
            failure.of_argument(
                "pool.cidrs",
                if self.added.is_empty() { "--remove-block" } else { "--add-block" },
            )
        });
        moor.show(&updated?).await
    }

    /// All that there are to be, if they change.
    fn cidrs(&self, present: &Pool) -> Result<Option<Vec<String>>, Failure> {
        if self.added.is_empty() && self.removed.is_empty() {
            return Ok(None);
        }
        let mut cidrs = present.cidrs.clone();
        for text in &self.removed {
            let place = cidrs.iter().position(|cidr| cidr == text).ok_or_else(|| {
                let argument = Argument::new("--remove-block", text);
                let all = cidrs.join(", ");
                Failure::argument(argument, &format!("{text} is no block of {}: {all}", present.display_name))
            })?;
            cidrs.remove(place);
        }
        cidrs.extend(self.added.iter().cloned());
        Ok(Some(cidrs))
    }
}

impl One {
    /// Nothing new is allocated from it.
    pub async fn drain(self, moor: &Invocation) -> Result<(), Failure> {
        let argument = Argument::new("POOL", &self.pool);
        let name = moor.name_of::<Pool>(argument).await?;
        let ((request_id, validate_only), expected_revision) = (moor.of_write(), self.expected.revision);
        let message = DrainPoolRequest { name, request_id, validate_only, expected_revision };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).drain_pool(request).await;
        let pool = moor.write(&moor.resource, message, rpc).await;
        moor.show(&pool.map_err(|failure| argument.failed(failure))?).await
    }

    /// It gives out addresses again.
    pub async fn resume(self, moor: &Invocation) -> Result<(), Failure> {
        let argument = Argument::new("POOL", &self.pool);
        let name = moor.name_of::<Pool>(argument).await?;
        let ((request_id, validate_only), expected_revision) = (moor.of_write(), self.expected.revision);
        let message = ResumePoolRequest { name, request_id, validate_only, expected_revision };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).resume_pool(request).await;
        let pool = moor.write(&moor.resource, message, rpc).await;
        moor.show(&pool.map_err(|failure| argument.failed(failure))?).await
    }
}
