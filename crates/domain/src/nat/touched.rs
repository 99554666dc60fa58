//! Elements that somebody touched, and the way back: what a kernel tells of a change is enough to undo it, whatever else the
//! kernel has.

use std::net::IpAddr;

use super::{Actual, Op, diff::steps};
use crate::address::Mac;

/// One element of the two tables, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    /// Where `eip_to_havip` leads.
    Eip(IpAddr, Option<IpAddr>),
    /// Where `havip_to_eip` leads.
    Havip(IpAddr, Option<IpAddr>),
    /// Whether the fence knows a HAVIP.
    Known(IpAddr, bool),
    /// Whether it is among those that nobody holds.
    Unheld(IpAddr, bool),
    /// Whether a MAC may send from it.
    Holder(IpAddr, Mac, bool),
}

impl Actual {
    /// Of the elements that were touched since: what was there, and what is there now. Both have nothing else.
    pub fn touched(&self, touched: &[Touched]) -> (Self, Self) {
        let none = || Self { ruleset: true, arp: self.arp, ..Self::default() };
        let (mut was, mut is) = (none(), none());
        for element in touched {
            match *element {
                Touched::Eip(eip, to) => {
                    was.eip_to_havip.extend(self.eip_to_havip.get(&eip).map(|to| (eip, *to)));
                    is.eip_to_havip.extend(to.map(|to| (eip, to)));
                }
                Touched::Havip(havip, to) => {
                    was.havip_to_eip.extend(self.havip_to_eip.get(&havip).map(|to| (havip, *to)));
                    is.havip_to_eip.extend(to.map(|to| (havip, to)));
                }
                Touched::Known(havip, there) => {
                    was.havips.extend(self.havips.get(&havip));
                    is.havips.extend(there.then_some(havip));
                }
                Touched::Unheld(havip, there) => {
                    was.unheld.extend(self.unheld.get(&havip));
                    is.unheld.extend(there.then_some(havip));
                }
                Touched::Holder(havip, mac, there) => {
                    was.fence.extend(self.fence.get(&(havip, mac)));
                    is.fence.extend(there.then_some((havip, mac)));
                }
            }
        }
        (was, is)
    }

    /// The steps back from what is there now to what was.
    pub fn back(was: &Self, is: &Self) -> Vec<Op> {
        steps(is, was)
    }
}
