//! Rules of a havip.
use super::*;
use crate::*;
pub(super) fn create(_: &State, _: &CreateHavip) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
/// At most this many vNICs may claim one HAVIP.
pub const MAX_MEMBERS: usize = 10;
pub(super) fn delete(_: &State, _: &DeleteHavip) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
