//! The whole log, folded by the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mooring_proto::dataplane::v1::Commit;
use uuid::Uuid;

use crate::rules::{Phase, Rules};

pub struct Fold {
    pub rules: Rules,
    /// Where each request was stored.
    pub requests: BTreeMap<Uuid, u64>,
    /// The last position.
    pub tail: u64,
    events: usize,
}

impl Fold {
    /// Fails with the first event that breaks a rule.
    pub fn of(commits: &[Commit]) -> Result<Fold, String> {
        let mut fold = Fold { rules: Rules::default(), requests: BTreeMap::new(), tail: 0, events: 0 };
        for commit in commits {
            fold.tail = commit.position;
            if let Ok(request) = commit.request_id.parse() {
                let before = fold.requests.insert(request, commit.position);
                if let Some(before) = before {
                    return Err(format!("request {request} is at {before} and at {}", commit.position));
                }
            }
            for event in commit.events.iter().filter_map(|event| event.kind.as_ref()) {
                fold.events += 1;
                let ruled = fold.rules.event(commit.position, event);
                ruled.map_err(|fault| format!("position {}, {event:?}: {fault}", commit.position))?;
            }
        }
        Ok(fold)
    }

    /// The bindings that are in use.
    pub fn in_use(&self) -> BTreeSet<Uuid> {
        let lives = self.rules.lives.iter();
        lives.filter(|(_, life)| life.phase == Phase::Bound).map(|(binding, _)| *binding).collect()
    }

    fn count(&self, phase: Phase) -> usize {
        self.rules.lives.values().filter(|life| life.phase == phase).count()
    }
}

impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moves = self.rules.lives.values().filter(|life| life.moved_from.is_some()).count();
        write!(
            f,
            "{} events in {} records: {} bindings, of which {moves} were moves, {} failed, {} are in use",
            self.events,
            self.tail,
            self.rules.lives.len(),
            self.count(Phase::Failed),
            self.count(Phase::Bound)
        )
    }
}
