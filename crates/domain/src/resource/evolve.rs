//! Evolve.
use super::*;
use crate::*;
pub(super) fn evolve(_: &mut State, _: &Commit) {}
