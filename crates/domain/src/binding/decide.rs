//! Stub.
use crate::{*, id::*, name::*};
use super::*;
pub(super) fn bind(_: &State, _: BindingId, _: &Name<Eip>, _: &Name<Havip>) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
pub(super) fn unbind(_: &State, _: &Scope, _: EipId) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
