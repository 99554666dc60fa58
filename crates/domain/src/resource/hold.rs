//! Holds.
use super::*;
use crate::*;
use std::time::Duration;
/// How long a released binding's id is remembered.
pub const RELEASED_ARE_REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// How much later than its id a binding's hold may come.
pub const HOLD_MAY_BE_LATE: Duration = Duration::from_secs(12 * 3600);
pub(super) fn place(_: &State, _: &Hold) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
pub(super) fn release(_: &State, _: &ReleaseHold) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
