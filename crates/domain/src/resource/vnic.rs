//! Rules of a vnic.
use super::*;
use crate::*;
pub(super) fn create(_: &State, _: &CreateVnic) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
