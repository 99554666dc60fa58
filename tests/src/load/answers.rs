//! From gRPC answers to those of a history.

use mooring_proto::binding::v1::{Binding, binding};
use mooring_proto::resource::v1::eip;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::Cell;
use crate::linearizable::{Answer, Phase, Why};

/// What a try that was refused means.
pub(super) enum Refused {
    /// An answer.
    Told(Answer),
    /// None: it may have taken effect. For this reason.
    Again(String),
    /// What nobody must be told here.
    Fault,
}

/// The stable word of an error, or its code.
pub fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone());
    reason.unwrap_or_else(|| format!("{:?}", status.code()))
}

pub(super) fn refused(status: &Status) -> Refused {
    let reason = reason(status);
    match reason.as_str() {
        "EIP_TAKEN" => Refused::Told(Answer::Refused(Why::EipTaken)),
        "HAVIP_TAKEN" => Refused::Told(Answer::Refused(Why::HavipTaken)),
        "EIP_IN_TRANSITION" => Refused::Told(Answer::Refused(Why::EipInTransition)),
        "HAVIP_IN_TRANSITION" => Refused::Told(Answer::Refused(Why::HavipInTransition)),
        "UNBOUND_SINCE" => Refused::Told(Answer::UnboundSince),
        _ if may_be_tried_again(status) => Refused::Again(reason),
        _ => Refused::Fault,
    }
}

/// Whether a server that was killed, has just been started, reaches nobody or has no room can have answered this.
pub fn may_be_tried_again(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::ResourceExhausted
    )
}

pub(super) fn eip(state: eip::State) -> Option<Answer> {
    let phase = match state {
        eip::State::Available => Phase::Available,
        eip::State::Associating => Phase::Associating,
        eip::State::InUse => Phase::InUse,
        eip::State::Unassociating => Phase::Unassociating,
        eip::State::Unspecified | eip::State::Cooling => return None,
    };
    Some(Answer::Eip(phase))
}

/// Those of the cell.
pub(super) fn bindings(cell: &Cell, all: &[Binding]) -> Option<Answer> {
    let mut told = Vec::new();
    for (number, eip) in cell.eips.iter().enumerate() {
        for binding in all.iter().filter(|binding| binding.eip == *eip) {
            let havip = cell.havips.iter().position(|havip| *havip == binding.havip)?;
            let phase = match binding.state() {
                binding::State::Associating => Phase::Associating,
                binding::State::InUse => Phase::InUse,
                binding::State::Unassociating => Phase::Unassociating,
                binding::State::Failed | binding::State::Unspecified => return None,
            };
            told.push((number, havip, phase));
        }
    }
    Some(Answer::Bindings(told))
}
