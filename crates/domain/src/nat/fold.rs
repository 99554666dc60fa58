//! From commits to the desired state.

use super::Desired;
use crate::Commit;

/// What a commit of any stream makes of the desired state.
pub fn fold(desired: &mut Desired, commit: &Commit) {
    desired.position = commit.at.position;
}
