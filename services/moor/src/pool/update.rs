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
    #[arg(long, alias = "name", value_name = "NAME", group = "change")]
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
        let paths = [("display_name", self.display_name.is_some()), ("cooling_ms", self.cooling.is_some())];
        let paths = paths.into_iter().filter(|(_, changed)| *changed).map(|(path, _)| path.to_owned());
        let update_mask = Some(FieldMask { paths: paths.collect() });
        let pool = Some(Pool {
            name: moor.named::<Pool>(Argument::new("POOL", &self.pool))?,
            display_name: self.display_name.unwrap_or_default(),
            cooling_ms: self.cooling,
            ..Default::default()
        });
        let (request_id, validate_only) = moor.of_write();
        let message = UpdatePoolRequest {
            pool,
            update_mask,
            request_id,
            validate_only,
            expected_revision: self.expected.revision,
            add_cidrs: self.added,
            remove_cidrs: self.removed,
        };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).update_pool(request).await;
        let updated = moor.write(&moor.resource, message, rpc).await;
        moor.show(&updated.map_err(of_flags)?).await
    }
}

fn of_flags(failure: Failure) -> Failure {
    [("pool.name", "POOL"), ("pool.display_name", "--display-name"), ("pool.cooling_ms", "--cooling")]
        .into_iter()
        .chain([
            ("add_cidrs", "--add-block"),
            ("pool.cidrs", "--add-block"),
            ("remove_cidrs", "--remove-block"),
        ])
        .fold(failure, |failure, (field, flag)| failure.of_argument(field, flag))
}

impl One {
    /// Nothing new is allocated from it.
    pub async fn drain(self, moor: &Invocation) -> Result<(), Failure> {
        let argument = Argument::new("POOL", &self.pool);
        let name = moor.named::<Pool>(argument)?;
        let ((request_id, validate_only), expected_revision) = (moor.of_write(), self.expected.revision);
        let message = DrainPoolRequest { name, request_id, validate_only, expected_revision };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).drain_pool(request).await;
        let pool = moor.write(&moor.resource, message, rpc).await;
        moor.show(&pool.map_err(|failure| argument.failed(failure))?).await
    }

    /// It gives out addresses again.
    pub async fn resume(self, moor: &Invocation) -> Result<(), Failure> {
        let argument = Argument::new("POOL", &self.pool);
        let name = moor.named::<Pool>(argument)?;
        let ((request_id, validate_only), expected_revision) = (moor.of_write(), self.expected.revision);
        let message = ResumePoolRequest { name, request_id, validate_only, expected_revision };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).resume_pool(request).await;
        let pool = moor.write(&moor.resource, message, rpc).await;
        moor.show(&pool.map_err(|failure| argument.failed(failure))?).await
    }
}
