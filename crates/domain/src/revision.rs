//! What a caller takes a thing to be at. A thing's revision is the position of its last change.

use std::fmt::Display;

use crate::{CommitPosition, Position, Rejection};

/// The revision that a caller has seen; 0: whatever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected(pub u64);

impl Expected {
    /// Refuses what was decided on an older state of the thing: whoever asks has to look at it again.
    pub fn check(self, at: CommitPosition, thing: impl Display) -> Result<(), Rejection> {
        let Position(current) = at.position;
        if self == Self::default() || self.0 == current {
            return Ok(());
        }
        let message = format!("{thing} is at revision {current} and not at {}; read it again", self.0);
        Err(Rejection::stale("expected_revision", message).with("current_revision", current))
    }
}
