//! How far a VPC's kernel got, and up to which position that makes it equal to the fold.

use mooring_domain::Position;

/// How far a VPC got.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// The kernel is equal to this version of the target; 0 while nothing is known for certain.
    pub(crate) applied: Position,
    /// What is wrong, for people.
    pub(crate) fault: Option<String>,
    /// There is no namespace: nothing is carried.
    pub(crate) carries_nothing: bool,
    /// The namespace, for people; empty when the VPC does not live here.
    pub(crate) netns: String,
    /// A first round is over.
    pub(crate) tried: bool,
}

impl Progress {
    /// The position that the kernel is equal to, where the fold is at `folded` and the VPC's target changed last at
    /// `version`: what comes after a target's last change leaves its kernel as it is.
    pub(crate) fn equal_to(&self, version: Position, folded: Position) -> Position {
        if self.applied >= version { folded } else { self.applied }
    }
}
