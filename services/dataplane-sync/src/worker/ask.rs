//! Whom the worker asks by ARP who holds a HAVIP. A few are asked for at once; more have to wait for their turn: all answers
//! together would find no room, and whoever is not heard is asked for again.

use super::*;
use crate::probing::QUESTIONS_AT_ONCE;

impl Worker {
    /// Asks who holds these HAVIPs: as many as may go out together at once, the others in turn, first those that nobody
    /// holds.
    pub(super) fn ask_all(&mut self, mut havips: Vec<Ipv4Addr>, desired: &VpcDesired) -> Result<(), Fault> {
        let at_once = havips.len().min(QUESTIONS_AT_ONCE as usize);
        if at_once < havips.len() {
            havips.sort_by_key(|havip| holder(*havip, desired).is_some());
        }
        let later = havips.split_off(at_once);
        self.ask(&havips, desired)?;
        self.questions.wait(later);
        Ok(())
    }

    /// Those that wait have their turn, as many as may ask now.
    pub(super) fn ask_in_turn(&mut self, now: Instant) {
        let waiting = self.questions.waiting();
        if waiting == 0 || self.entered.is_none() || self.retry_at.is_some() {
            return;
        }
        let mut havips = self.questions.next(self.sinks.probing.budget.take_questions(waiting, now));
        let desired = self.provisional.over(self.target.borrow().recorded());
        havips.retain(|havip| desired.holders.contains_key(&IpAddr::V4(*havip)));
        let asked = self.ask(&havips, &desired);
        if asked.is_err() {
            // The next round asks for everything, and says what is wrong.
            self.before = None;
            self.retry_at = Some(now + RETRY);
        }
        self.could_not_ask(asked);
    }

    /// Asks who holds these HAVIPs, now.
    pub(super) fn ask(&mut self, havips: &[Ipv4Addr], desired: &VpcDesired) -> Result<(), Fault> {
        let questions: Vec<_> = havips.iter().map(|havip| (*havip, holder(*havip, desired))).collect();
        self.ask_first(&questions)
    }

    /// The same, these alone at first.
    pub(super) fn ask_first(&mut self, questions: &[(Ipv4Addr, Option<Mac>)]) -> Result<(), Fault> {
        let (Some(entered), now) = (&mut self.entered, Instant::now()) else { return Ok(()) };
        let may = |(havip, holder): &&(Ipv4Addr, Option<Mac>)| self.questions.ask(*havip, *holder, now);
        let questions: Vec<_> = questions.iter().filter(may).copied().collect();
        entered.ask(&questions)
    }

    /// Where a holder that was asked alone stays silent, everybody is asked.
    pub(super) fn ask_everybody(&mut self, now: Instant) {
        let silent = self.questions.unanswered(now);
        let questions: Vec<_> = silent.into_iter().map(|havip| (havip, None)).collect();
        let asked = self.entered.as_mut().map_or(Ok(()), |entered| entered.ask(&questions));
        self.could_not_ask(asked);
    }

    /// A storm loses claims all the time: everybody is asked once in a while, and once more when it is over.
    pub(super) fn find_what_was_lost(&mut self, now: Instant) {
        // Whoever waits for a turn is heard then: what was lost meanwhile is asked for behind that.
        if !self.lost || now < self.asks_at || self.questions.waiting() > 0 {
            return;
        }
        (self.lost, self.asks_at) = (false, now + ASKING);
        let desired = self.provisional.over(self.target.borrow().recorded());
        let havips: Vec<_> = desired.holders.keys().filter_map(v4).collect();
        // There may be very many, and other VPCs' claims go on meanwhile.
        let asked = block_in_place(|| {
            // What was lost may be the answer to a question of just now.
            havips.iter().for_each(|havip| self.questions.again(*havip));
            self.ask_all(havips, &desired)
        });
        self.could_not_ask(asked);
    }

    pub(super) fn could_not_ask(&self, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome {
            tracing::warn!(vpc = %self.sinks.vpc, %fault, "could not ask who holds a HAVIP");
        }
    }
}

fn holder(havip: Ipv4Addr, desired: &VpcDesired) -> Option<Mac> {
    desired.holders.get(&IpAddr::V4(havip)).copied().flatten()
}

/// The HAVIPs that are new, or newly bound: nobody may know yet who holds them, and keepalived does not repeat itself.
pub(super) fn appeared(before: Option<&VpcDesired>, now: &VpcDesired) -> Vec<Ipv4Addr> {
    match before {
        Some(before) => now.appeared_since(before).iter().filter_map(v4).collect(),
        None => now.holders.keys().filter_map(v4).collect(),
    }
}
