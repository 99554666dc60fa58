//! A gateway's receipt of a failover, to and from its stored form.

use mooring_domain::{
    Position, Timestamp,
    event::{FailoverMeasured, FailoverTimes},
};

use crate::{
    convert::{Malformed, claim, havip, vnic, wire_claim, wire_havip, wire_vnic},
    event::v1 as wire,
};

pub(super) fn read(from: wire::FailoverMeasured) -> Result<FailoverMeasured, Malformed> {
    Ok(FailoverMeasured {
        havip: havip(from.havip)?,
        holder: vnic(from.holder.ok_or(Malformed::Missing("holder"))?)?,
        times: FailoverTimes {
            claim: claim(from.claim)?,
            started_at: Timestamp(from.gateway_started_at),
            decided_at: Timestamp(from.decided_at),
            applied_at: Timestamp(from.applied_at),
            stored: Position(from.stored_position),
            followed_at: Timestamp(from.followed_at),
        },
    })
}

pub(super) fn write(FailoverMeasured { havip, holder, times }: &FailoverMeasured) -> wire::FailoverMeasured {
    wire::FailoverMeasured {
        havip: Some(wire_havip(havip)),
        holder: Some(wire_vnic(holder)),
        claim: Some(wire_claim(&times.claim)),
        gateway_started_at: times.started_at.0,
        decided_at: times.decided_at.0,
        applied_at: times.applied_at.0,
        stored_position: times.stored.0,
        followed_at: times.followed_at.0,
    }
}
