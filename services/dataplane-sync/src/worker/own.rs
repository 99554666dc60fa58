//! What the worker decides by itself: a claim moves traffic at once, and stands until health's word on it is here. Neither
//! health nor the log is waited for.

use mooring_domain::holder::{Said, Verdict};
use mooring_ledger::now;

use super::*;
use crate::claims::SeenClaim;

impl Worker {
    /// What this gateway is to have: the log's word, and its own decisions over it.
    pub(super) fn own(&self, target: Target) -> Target {
        Target { desired: self.provisional.over(target.recorded()), ..target }
    }

    /// Looks at what was seen, and brings about what that changes.
    pub(super) fn see_all(&mut self, seen: Vec<Sight>) {
        let moves = seen.into_iter().fold(false, |moves, sight| self.see(sight) | moves);
        if moves {
            self.round();
        }
    }

    /// Whether traffic moves.
    pub(super) fn decide(&mut self, havip: Ipv4Addr, (seen, said): (Decision, Said)) -> bool {
        let (target, now) = (self.target.borrow(), now());
        let verdict = self.provisional.see(target.recorded(), havip.into(), (seen, said), now);
        match verdict {
            Verdict::Moves => self.moving.decided(&self.sinks, havip, seen, now),
            Verdict::Holds => {
                let there = Seen::Neighbour { address: havip, mac: Some(seen.claim.mac) };
                let differs = |entered: &Entered| entered.differs(there);
                let there = !self.entered.as_ref().is_some_and(differs);
                self.moving.held(&self.sinks, (havip, seen), there, now);
            }
            _ => {}
        }
        verdict == Verdict::Moves
    }

    /// Asks those whose claims came before a back-off's end whether they still have the address: an answer is a claim.
    pub(super) fn ask_postponed(&mut self) {
        let due = self.provisional.due(self.target.borrow().recorded(), now());
        for (havip, first) in due.iter().filter_map(|(havip, first)| Some((v4(havip)?, *first))) {
            self.questions.again(havip);
            let asked = self.ask_first(&[(havip, first)]);
            self.could_not_ask(asked);
        }
    }

    /// Tells health what it was not told yet, and lets go of what it has decided on since. Whoever is seen to hold a HAVIP
    /// that health gave to another is asked for. Whether there is something to bring about.
    pub(super) fn settle(&mut self) -> bool {
        if self.provisional.is_empty() {
            return false;
        }
        let (claims, vpc) = (&self.sinks.claims, self.sinks.vpc);
        self.provisional.hand_in(|havip, claim| {
            v4(&havip).and_then(|address| claims.hand_in(SeenClaim { vpc, address, claim }))
        });
        let decided = claims.decided();
        // In this order: what was distributed is in the target that is looked at afterwards.
        if self.sinks.distributed.position() < decided.through {
            return false;
        }
        let target = self.target.borrow().clone();
        let otherwise = self.provisional.cover(decided.number, target.recorded());
        let havips: Vec<_> = otherwise.iter().filter_map(v4).collect();
        for havip in &havips {
            tracing::info!(vpc = %self.sinks.vpc, %havip, "health decided otherwise; asking who holds it");
            self.questions.again(*havip);
        }
        let asked = self.ask_all(havips, &target.desired);
        self.could_not_ask(asked);
        !otherwise.is_empty() || !self.progress.borrow().provisional.is_empty()
    }
}
