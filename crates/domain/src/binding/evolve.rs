//! Stub.
use crate::*;
use super::*;
use std::time::Duration;
/// How long a failed binding can be read.
pub const FAILED_ARE_REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// How many failed bindings can be read; the oldest go first.
pub const MAX_FAILED: usize = 100_000;
pub(super) fn evolve(_: &mut State, _: &Commit) {}
