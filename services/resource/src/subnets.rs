//! What may change of a subnet.

use mooring_domain::{
    Event, Expected,
    id::Subnet as Kind,
    resource::{Command, Edit, SubnetChange, UpdateSubnet},
};
use mooring_ledger::{Caller, Refused};
use mooring_proto::{
    answer::resource as answer,
    mask::Mask,
    resource::v1 as api,
    status::Unserved,
    together::{also, together},
};
use tonic::{Response, Status};

use crate::{
    commands::{few_blocks, set, text},
    find,
    grpc::{Resource, changed},
};

/// What may change of a subnet.
const OF_A_SUBNET: [&str; 2] = ["display_name", "reserved"];

impl Resource {
    pub(crate) async fn change_subnet(
        &self,
        caller: Caller,
        request: api::UpdateSubnetRequest,
    ) -> Result<Response<api::Subnet>, Status> {
        let mask = together((caller.request_id(), Mask::parse(request.update_mask.as_ref(), &OF_A_SUBNET)));
        let subnet = set("subnet", request.subnet).map_err(|unset| also(unset, &mask))?;
        let changes = mask.as_ref().map_or(&Mask::Set, |(_, mask)| mask);
        let label = changes.value("display_name", !subnet.display_name.is_empty(), || {
            text("subnet.display_name", &subnet.display_name)
        });
        let all = changes.value("reserved", !subnet.reserved.is_empty(), || {
            few_blocks("subnet.reserved", &subnet.reserved)
        });
        let (added, removed) = (
            few_blocks("add_reserved", &request.add_reserved),
            few_blocks("remove_reserved", &request.remove_reserved),
        );
        let scope = caller.scoped::<Kind>("subnet.name", &subnet.name);
        let (_, (scope, _), display_name, reserved, added, removed) =
            together((mask, scope, label, all, added, removed))?;
        let change = SubnetChange { display_name, reserved, reserved_edit: Edit { added, removed } };
        let ledger = self.ledger("subnet.name", &scope.region)?;
        let expected = Expected(request.expected_revision);
        let named = find::named(ledger.view().state.subnets(), "subnet.name", &subnet.name);
        let command = named.map(|name| {
            Command::UpdateSubnet(UpdateSubnet { scope: name.scope, id: name.id, expected, change })
        });
        let outcome = ledger.submit_found(caller, command).await?;
        let (facts, at) = match changed(&outcome)? {
            Some((at, Event::SubnetUpdated(facts))) => (facts, at),
            Some(_) => return Err(Refused::Unserved(Unserved::Unavailable).into()),
            None => {
                let state = ledger.view().state;
                let entry = find::scoped(state.subnets(), "subnet.name", &subnet.name)?;
                (entry.facts.clone(), entry.at)
            }
        };
        Ok(outcome.answer(answer::subnet(&facts, at)))
    }
}
