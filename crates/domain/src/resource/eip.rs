//! Rules of a eip.
use super::*;
use crate::*;
pub(super) fn allocate(_: &State, _: &AllocateEip) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
pub(super) fn release(_: &State, _: &ReleaseEip) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
