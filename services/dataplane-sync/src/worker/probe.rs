//! The worker's part in probing: whose turn it is here, who was heard, and what of that the log has otherwise.

use std::sync::Arc;

use mooring_ledger::now;

use super::*;
use crate::probing::{Moment, Opinion, Pace, Probers, Probes, Word};

/// What a worker keeps of it.
#[derive(Default)]
pub(super) struct Turns {
    probes: Probes,
    /// By whom the HAVIPs were shared when it was last looked whose turn is here; `None`: it is to be looked again.
    shared: Option<Arc<Probers>>,
}

impl Worker {
    /// Holders or members of the VPC may be others now.
    pub(super) fn look_whose_turn(&mut self) {
        self.turns.shared = None;
    }

    /// An address was heard to be in use.
    pub(super) fn hear(&mut self, havip: Ipv4Addr, mac: Mac, how: Sign) {
        self.turns.probes.heard((havip, mac), how, Moment { instant: Instant::now(), time: now() });
    }

    /// Probes whom it is time to probe, and tells health what the log does not say.
    pub(super) fn probe(&mut self, instant: Instant) {
        let probing = self.sinks.probing.clone();
        if probing.stale_after.is_zero() {
            return;
        }
        let now = Moment { instant, time: now() };
        self.follow_turns(now);
        let count = self.turns.probes.len();
        let at_best = Pace::within(probing.stale_after);
        let pace = at_best.at_least(probing.budget.share(&probing.region, self.sinks.vpc, count));
        self.turns.probes.set_pace(pace);
        let due = self.turns.probes.due(now, |wanted| probing.budget.take(wanted, instant));
        self.send_probes(&due, now);
        // What waits to be looked at may be an answer.
        let silent = self.seen.is_empty().then(|| {
            self.find_successors(now);
            self.say(now)
        });
        self.sinks.probed.note(|shown| {
            shown.holders = count as u64;
            (shown.every, shown.every_at_best) = (pace.every, at_best.every);
            shown.silent = silent.unwrap_or(shown.silent);
        });
    }

    /// A HAVIP that this gateway moved by itself is nobody's to probe until health has decided, too. One that is held for a
    /// lease is nobody's: its holder says by itself that it is there, and may not be on layer 2.
    fn follow_turns(&mut self, now: Moment) {
        let (probing, vpc) = (&self.sinks.probing, self.sinks.vpc);
        let probers = probing.probers();
        if self.turns.shared.as_ref().is_some_and(|shared| Arc::ptr_eq(shared, &probers)) {
            return;
        }
        let target = self.target.borrow();
        let own: Vec<_> = self.provisional.differing(target.recorded()).map(|(havip, _)| havip).collect();
        let holders = target.desired.holders.iter().filter(|_| self.entered.is_some());
        let mine = holders.filter_map(|(havip, holder)| {
            let leased = target.observed.get(havip).is_some_and(|standing| standing.leased);
            let address = v4(havip).filter(|_| !leased && !own.contains(havip))?;
            Some((address, (*holder)?)).filter(|_| probing.is_mine(&probers, vpc, address))
        });
        self.turns.probes.follow(mine, now);
        drop(target);
        self.turns.shared = Some(probers);
    }

    fn send_probes(&mut self, due: &[(Ipv4Addr, Mac)], now: Moment) {
        let Some(entered) = self.entered.as_mut().filter(|_| !due.is_empty()) else { return };
        match entered.probe(due) {
            Ok(true) => {
                self.turns.probes.sent(due, now);
                self.sinks.probed.note(|shown| shown.sent += due.len() as u64);
            }
            // Whoever can't be asked is not silent.
            Ok(false) => self.turns.probes.unsent(due, now),
            Err(fault) => {
                self.turns.probes.unsent(due, now);
                tracing::debug!(vpc = %self.sinks.vpc, %fault, "could not probe holders");
            }
        }
    }

    /// Whoever took over from a silent holder was not heard, if anybody did: its answer to a question is a claim.
    fn find_successors(&mut self, now: Moment) {
        let lost = self.turns.probes.lost(now);
        if lost.is_empty() {
            return;
        }
        let desired = self.target.borrow().desired.clone();
        for havip in lost {
            let asked = self.ask(havip, &desired);
            self.could_not_ask(asked);
        }
    }

    /// Says what the log has otherwise, again and again until it has it; how many are silent.
    fn say(&self, now: Moment) -> u64 {
        let recorded = &self.target.borrow().silent;
        let mut count = 0;
        for (havip, holder, opinion) in self.turns.probes.opinions(now) {
            let (silent, heard_at) = match opinion {
                Opinion::None => continue,
                Opinion::Heard(at) => (false, at),
                Opinion::Silent(at) => (true, at),
            };
            count += u64::from(silent);
            if silent != recorded.contains(&IpAddr::V4(havip)) {
                self.sinks.probing.say(self.sinks.vpc, havip, Word { holder, silent, heard_at });
            }
        }
        count
    }
}
