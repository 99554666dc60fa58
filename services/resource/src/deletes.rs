//! Deleting: the same for everything that a project can give up.

use mooring_domain::{
    Expected,
    id::Kind,
    name::Name,
    resource::{Command, Delete},
};
use mooring_ledger::{Caller, Outcome};
use mooring_proto::together::together;
use tonic::Status;

use crate::grpc::Resource;

impl Resource {
    /// Deletes what the name names, by its id, if it is at the expected revision.
    pub(crate) async fn delete<K: Kind>(
        &self,
        caller: Caller,
        name: &str,
        expected: u64,
        command: fn(Delete<K>) -> Command,
    ) -> Result<Outcome, Status> {
        let ((), Name { scope, id }) = together((caller.request_id(), caller.name::<K>("name", name)))?;
        let ledger = self.ledger("name", &scope.region)?;
        Ok(ledger.submit(caller, command(Delete { scope, id, expected: Expected(expected) })).await?)
    }
}
