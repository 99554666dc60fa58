//! Rules of a VPC: its name is its own.

use super::{CreateVpc, State};
use crate::{Event, Rejection, event::VpcCreated};

pub(super) fn create(state: &State, command: &CreateVpc) -> Result<Vec<Event>, Rejection> {
    state.vpcs.check_id(command.id)?;
    state.vpcs.check_name(&command.scope, &command.display_name, "vpc.display_name")?;
    Ok(vec![Event::VpcCreated(VpcCreated {
        id: command.id,
        project: command.scope.project.clone(),
        region: command.scope.region.clone(),
        display_name: command.display_name.clone(),
    })])
}
