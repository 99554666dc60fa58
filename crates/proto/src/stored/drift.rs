//! What a gateway found changed behind its back, to and from its stored form. Binding takes it in the same form.

use mooring_domain::{
    Position, Timestamp,
    event::{GatewayDriftFound, GatewayFacts},
};

use crate::{
    convert::{Malformed, difference, id, id_bytes, text, wire_difference},
    event::v1 as wire,
};

/// From its stored form.
pub fn read(from: wire::GatewayDriftFound) -> Result<GatewayDriftFound, Malformed> {
    Ok(GatewayDriftFound {
        gateway: GatewayFacts {
            gateway: text("gateway", &from.gateway)?,
            region: text("region", &from.region)?,
        },
        project: text("project", &from.project)?,
        vpc: id("vpc_id", &from.vpc_id)?,
        position: Position(from.position),
        found_at: Timestamp(from.found_at),
        mended_at: Timestamp(from.mended_at),
        rules: from.rules,
        differences: from.differences.into_iter().map(difference).collect::<Result<_, _>>()?,
        differing: from.differing,
        unrecorded: from.unrecorded,
    })
}

/// To its stored form.
pub fn write(drift: &GatewayDriftFound) -> wire::GatewayDriftFound {
    wire::GatewayDriftFound {
        gateway: drift.gateway.gateway.to_string(),
        region: drift.gateway.region.to_string(),
        project: drift.project.to_string(),
        vpc_id: id_bytes(drift.vpc),
        position: drift.position.0,
        found_at: drift.found_at.0,
        mended_at: drift.mended_at.0,
        rules: drift.rules,
        differences: drift.differences.iter().map(wire_difference).collect(),
        differing: drift.differing,
        unrecorded: drift.unrecorded,
    }
}
