//! Stub.
use crate::*;
use super::*;
pub(super) fn evolve(_: &mut State, _: &Commit) {}
