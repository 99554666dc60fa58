//! What was decided here and is not in the kernel yet: the beginning of a failover's receipt.

use std::net::Ipv4Addr;

use mooring_domain::{
    Timestamp,
    holder::{Decision, Sighting},
};
use mooring_ledger::now;

use crate::{
    receipts::{Led, Moved},
    watch::Sinks,
};

/// How many may wait for a kernel that can't be changed.
const MOST: usize = 1024;

#[derive(Default)]
pub(super) struct Moving(Vec<Moved>);

impl Moving {
    /// A claim moves traffic. One without a number has no name, and no receipt.
    pub(super) fn decided(&mut self, sinks: &Sinks, havip: Ipv4Addr, seen: Decision, decided_at: Timestamp) {
        let Decision { claim, number } = seen;
        let Some(number) = number.filter(|_| self.0.len() < MOST) else { return sinks.receipts.lose() };
        self.0.push(Moved { held: false, ..led_there(sinks, havip, claim, (number, decided_at)) });
    }

    /// A claim of the holder: it may be the one on which the log's word rests, which was quicker. `there`: the kernel leads there.
    pub(super) fn held(
        &mut self,
        sinks: &Sinks,
        (havip, seen): (Ipv4Addr, Decision),
        there: bool,
        now: Timestamp,
    ) {
        let Decision { claim, number: Some(number) } = seen else { return };
        let moved = led_there(sinks, havip, claim, (number, now));
        match there {
            true => sinks.receipts.moved(moved),
            false if self.0.len() < MOST => self.0.push(moved),
            false => {}
        }
    }

    /// The kernel is as it should be.
    pub(super) fn applied(&mut self, sinks: &Sinks) {
        if self.0.is_empty() {
            return;
        }
        let applied_at = now();
        self.0.drain(..).for_each(|moved| sinks.receipts.moved(Moved { applied_at, ..moved }));
    }
}

fn led_there(sinks: &Sinks, havip: Ipv4Addr, claim: Sighting, (number, at): (u64, Timestamp)) -> Moved {
    let led = Led { vpc: sinks.vpc, address: havip.into(), mac: claim.mac };
    Moved { led, held: true, number, claimed_at: claim.observed_at, decided_at: at, applied_at: at }
}
