//! Deleting: the same for everything that a project can give up.

use mooring_domain::{
    Expected,
    name::Scope,
    resource::{Command, Delete, Facts, State, Table},
};
use mooring_ledger::{Caller, Outcome};
use mooring_proto::together::together;
use tonic::Status;

use crate::{find, grpc::Resource};

impl Resource {
    /// Deletes what the name names, if it is at the expected revision.
    pub(crate) async fn delete<F: Facts<Parent = Scope>>(
        &self,
        caller: Caller,
        (name, expected): (&str, u64),
        table: fn(&State) -> &Table<F>,
        command: fn(Delete<F::Kind>) -> Command,
    ) -> Result<Outcome, Status> {
        let ((), (scope, _)) = together((caller.request_id(), caller.scoped::<F::Kind>("name", name)))?;
        let ledger = self.ledger("name", &scope.region)?;
        let expected = Expected(expected);
        let named = find::named(table(&ledger.view().state), "name", name);
        let command = named.map(|name| command(Delete { scope: name.scope, id: name.id, expected }));
        ledger.submit_found(caller, command).await
    }
}
