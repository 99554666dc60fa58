//! Two that claim a HAVIP in turn: its present holder keeps it for its back-off, and that is told.

use std::time::Duration;

use super::{Havip, Heard};
use crate::{
    Event, Timestamp,
    event::{ClaimFacts, HolderContested, HolderSettled, VnicFacts},
};

/// How long after a back-off's end a rival that gateways ask may take to be heard.
pub const QUESTION: Duration = Duration::from_secs(1);

pub(super) fn contested(havip: &Havip, rival: VnicFacts, claim: ClaimFacts) -> Option<Event> {
    let holding = havip.holding.as_ref().filter(|_| !havip.is_postponed())?;
    let (havip, holder, until) = (havip.facts.clone(), holding.vnic.clone(), holding.until());
    Some(Event::HolderContested(HolderContested { havip, holder, rival, claim, until }))
}

pub(super) fn settled(havip: &Havip, heard: &Heard, since: Timestamp, now: Timestamp) -> Option<Event> {
    if now < settles_at(havip, heard, since, now)? {
        return None;
    }
    let holder = havip.holding.as_ref()?.vnic.clone();
    Some(Event::HolderSettled(HolderSettled { havip: havip.facts.clone(), holder }))
}

/// When it has settled if nobody else claims it until then. What lies in the future was seen before clocks were set
/// back: where that is all there is, nobody has claimed it since.
fn settles_at(havip: &Havip, heard: &Heard, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let (holding, contest) = (havip.holding.as_ref()?, havip.contest.as_ref()?);
    let rivals = heard.latest.iter().filter(|seen| seen.mac != holding.vnic.mac).map(|seen| seen.observed_at);
    let known = [since, contest.seen, holding.claim.observed_at];
    let last = rivals.chain(known).filter(|seen| !seen.is_ahead_of(now)).max();
    Some(last.map_or(now, |last| last.plus(holding.backoff + QUESTION)))
}
