//! What a binding holds that is on its way is refused for the moment only: whoever asks again gets it, or hears that it is bound.

use mooring_domain::{
    Rejection,
    binding::Stage,
    id::{Binding, BindingId},
    name::{Name, RegionId},
};
use mooring_ledger::Refused;
use tonic::Status;
use tonic_types::StatusExt;

use crate::grpc::Resource;

impl Resource {
    /// The refusal of a release or a deletion, as retryable where the binding in the way is not IN_USE.
    pub(crate) async fn unless_under_way(&self, refused: Status, region: &RegionId) -> Status {
        let Some(info) = refused.get_details_error_info() else { return refused };
        let (reason, word) = match &*info.reason {
            "EIP_HELD" => ("EIP_IN_TRANSITION", "EIP"),
            "HAVIP_HELD" => ("HAVIP_IN_TRANSITION", "HAVIP"),
            _ => return refused,
        };
        let in_the_way = info.metadata.get("in_the_way").and_then(|name| name.parse::<Name<Binding>>().ok());
        let Some(name) = in_the_way else { return refused };
        let Ok(stage) = self.stage(name.id, region).await else { return refused };
        let message = match stage {
            Some(Stage::InUse) => return refused,
            Some(Stage::Associating) => format!("the {word} is being bound; retry when that is done"),
            Some(Stage::Unassociating) => format!("the {word} is being unbound; retry when that is done"),
            // The hold is all that is left, and goes next.
            None => format!(
                "a bind that came to nothing, or has ended, is letting go of the {word}; retry when that is done"
            ),
        };
        Refused::from(Rejection::in_transition(reason, "name", message).because_of(name)).into()
    }

    /// How far a binding is, found by the EIP that it holds; nothing once it holds none, or has only its hold left.
    async fn stage(&self, binding: BindingId, region: &RegionId) -> Result<Option<Stage>, Status> {
        let state = self.ledger("name", region)?.view().state;
        let eip = state.hold(binding).and_then(|held| state.eips().get(held.eip));
        let Some(eip) = eip.map(|entry| &entry.facts.eip) else { return Ok(None) };
        Ok(self.bindings(region).await?.stage(binding, &eip.project, eip.id))
    }
}
