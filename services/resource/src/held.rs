//! What a binding holds that is on its way is refused for the moment only: whoever asks again gets it, or hears that it is bound.

use mooring_domain::{
    Rejection,
    binding::Phase,
    id::Binding,
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
        let (Some(name), Ok(bindings)) = (in_the_way, self.bindings(region).await) else { return refused };
        let message = match bindings.get(name.id).map(|binding| &binding.phase) {
            Some(Phase::InUse(_)) => return refused,
            Some(Phase::Associating) => format!("the {word} is being bound; retry when that is done"),
            Some(Phase::Unassociating(_)) => format!("the {word} is being unbound; retry when that is done"),
            // The hold is all that is left, and goes next.
            Some(Phase::Failed { .. }) | None => {
                format!(
                    "a bind that came to nothing, or has ended, is letting go of the {word}; retry when that is done"
                )
            }
        };
        Refused::from(Rejection::in_transition(reason, "name", message).because_of(name)).into()
    }
}
