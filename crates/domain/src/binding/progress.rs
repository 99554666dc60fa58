//! Stub.
use crate::{*, id::*, event::*};
use super::*;
pub(super) fn confirm(_: &State, _: BindingId, _: &EipFacts, _: &HavipFacts) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
pub(super) fn fail(_: &State, _: BindingId, _: &str, _: &str) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
pub(super) fn complete(_: &State, _: BindingId) -> Result<Vec<Event>, Rejection> { Ok(Vec::new()) }
