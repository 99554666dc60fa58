//! Stub.
use crate::{*, name::*};
use super::*;
pub(super) fn register(_: &State, _: &RegionId, _: &GatewayName) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
pub(super) fn decommission(_: &State, _: &RegionId, _: &GatewayName) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
