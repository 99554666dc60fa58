//! No hold is left over, and none is missing.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::fold::Fold;
use crate::rules::Phase;

/// Nothing is under way, and what is held, by the log and as resource says, is what is in use.
pub fn agree(fold: &Fold, told: &BTreeSet<Uuid>) -> Result<(), String> {
    let under_way = |phase| matches!(phase, Phase::Requested | Phase::Leaving);
    let unfinished: Vec<_> = fold.rules.lives.iter().filter(|(_, life)| under_way(life.phase)).collect();
    if !unfinished.is_empty() {
        return Err(format!("under way: {unfinished:?}"));
    }
    let (in_use, logged) = (fold.in_use(), fold.rules.holds.keys().copied().collect());
    if in_use != logged || in_use != *told {
        return Err(format!("in use: {in_use:?}; held in the log: {logged:?}; held: {told:?}"));
    }
    Ok(())
}
