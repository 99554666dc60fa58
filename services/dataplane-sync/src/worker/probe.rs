//! The worker's part in probing: whose turn it is here, who was heard, and what of that the log has otherwise.

use std::{collections::BTreeSet, sync::Arc};

use imbl::{OrdMap, ordmap::DiffItem};
use mooring_domain::{holder::Standing, name::GatewayName};
use mooring_ledger::now;

use super::*;
use crate::probing::{Moment, Opinion, Pace, Probers, Probes, Word};

/// One look at one that is silent, here or by the log, is followed by so long without: however many there are, looking at them
/// takes a share of the time.
const PAUSE: Duration = Duration::from_micros(50);

/// What a worker keeps of it.
#[derive(Default)]
pub(super) struct Turns {
    probes: Probes,
    /// By whom the HAVIPs of all VPCs were shared when it was last looked whose turn is here; `None`: it is to be looked
    /// again.
    shared: Option<Arc<Probers>>,
    /// What made them whose.
    by: By,
    /// Before which those that are silent are not looked at again.
    looks_at: Option<Instant>,
}

/// What makes a holder this gateway's to probe.
#[derive(Clone, Default)]
struct By {
    gateways: Vec<GatewayName>,
    holders: OrdMap<IpAddr, Option<Mac>>,
    observed: OrdMap<IpAddr, Standing>,
    own: BTreeSet<IpAddr>,
}

impl By {
    /// The HAVIPs that may be another's to probe than they were.
    fn differing(&self, before: &Self) -> BTreeSet<IpAddr> {
        if self.gateways != before.gateways {
            return before.holders.keys().chain(self.holders.keys()).copied().collect();
        }
        let own = self.own.symmetric_difference(&before.own).copied();
        let holders = before.holders.diff(&self.holders).map(key);
        holders.chain(before.observed.diff(&self.observed).map(key)).chain(own).collect()
    }
}

fn key<V>(change: DiffItem<'_, '_, IpAddr, V>) -> IpAddr {
    match change {
        DiffItem::Add(key, _) | DiffItem::Remove(key, _) | DiffItem::Update { new: (key, _), .. } => *key,
    }
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
        self.sinks.answers.take().into_iter().for_each(|(havip, mac)| self.hear(havip, mac, Sign::Answer));
        self.follow_turns(now);
        let count = self.turns.probes.len();
        let at_best = Pace::within(probing.stale_after);
        let pace = at_best.at_least(probing.budget.share(&probing.region, self.sinks.vpc, count));
        self.turns.probes.set_pace(pace);
        let due = self.turns.probes.due(now, |wanted| probing.budget.take(wanted, instant));
        self.send_probes(&due, now);
        // What waits to be looked at may be an answer.
        let looks = self.seen.is_empty() && self.turns.looks_at.is_none_or(|at| at <= instant);
        let silent = looks.then(|| {
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
        let entered = self.entered.is_some();
        let by = By {
            gateways: probers.get(&vpc).cloned().unwrap_or_default(),
            holders: if entered { target.desired.holders.clone() } else { OrdMap::new() },
            observed: target.observed.clone(),
            own: self.provisional.differing(target.recorded()).map(|(havip, _)| havip).collect(),
        };
        for havip in by.differing(&self.turns.by) {
            let Some(address) = v4(&havip) else { continue };
            let leased = by.observed.get(&havip).is_some_and(|standing| standing.leased);
            let holder = by.holders.get(&havip).copied().flatten();
            let holder = holder.filter(|_| !leased && !by.own.contains(&havip));
            let mine = holder.filter(|_| probing.is_mine(&by.gateways, vpc, address));
            self.turns.probes.follow(address, mine, now);
        }
        drop(target);
        (self.turns.by, self.turns.shared) = (by, Some(probers));
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
        let asked = self.ask_all(lost, &desired);
        self.could_not_ask(asked);
    }

    /// Says what the log has otherwise, again and again until it has it; how many are silent.
    fn say(&mut self, now: Moment) -> u64 {
        let recorded = self.target.borrow().silent.clone();
        let probes = &self.turns.probes;
        let mut count = 0;
        for havip in probes.silent(now) {
            count += 1;
            if !recorded.contains(&IpAddr::V4(havip)) {
                self.say_of(havip, now);
            }
        }
        for havip in recorded.iter().filter_map(v4) {
            if matches!(probes.opinion(havip, now), Some((_, Opinion::Heard(_)))) {
                self.say_of(havip, now);
            }
        }
        let looked_at = probes.quiet() + recorded.len();
        let pause = PAUSE.saturating_mul(u32::try_from(looked_at).unwrap_or(u32::MAX));
        self.turns.looks_at = Some(now.instant + pause);
        count
    }

    fn say_of(&self, havip: Ipv4Addr, now: Moment) {
        let (holder, silent, heard_at) = match self.turns.probes.opinion(havip, now) {
            None | Some((_, Opinion::None)) => return,
            Some((holder, Opinion::Heard(at))) => (holder, false, at),
            Some((holder, Opinion::Silent(at))) => (holder, true, at),
        };
        self.sinks.probing.say(self.sinks.vpc, havip, Word { holder, silent, heard_at });
    }
}
