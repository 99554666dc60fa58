//! A place that was entered: its kernel, its watcher, and what is known of it.
//!
//! Its sockets keep a namespace alive, packets and all, also when its name is gone: see [`Entered::is_there`].

use std::{collections::BTreeSet, net::Ipv4Addr, sync::Arc};

use ipnet::IpNet;
use mooring_dataplane::{Driver, DropReason, Fault, Kernel, Place, Seen};
use mooring_domain::{
    address::Mac,
    id::VpcId,
    nat::{Actual, Op, VpcDesired, diff, wanted},
};

use crate::watch::{self as watcher, Sinks, Watch};

/// The most steps that one line of the log shows.
const SHOWN: usize = 20;

/// A kernel read back on request.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) differences: Vec<String>,
    pub(crate) drops: Vec<(DropReason, u64)>,
    /// What about the place keeps packets from passing, as looked at last.
    pub(crate) warnings: Vec<String>,
}

/// Opens a place's kernel, and a watcher whose sightings go to the sinks; without one, nothing is seen.
pub(crate) type Open =
    Arc<dyn Fn(&Place, Sinks) -> Result<(Box<dyn Driver>, Option<Watch>), Fault> + Send + Sync>;

/// The real kernel's.
pub(crate) fn open_kernel(place: &Place, sinks: Sinks) -> Result<(Box<dyn Driver>, Option<Watch>), Fault> {
    let kernel = Kernel::open(place)?;
    Ok((Box::new(kernel), Some(watcher::start(place, sinks)?)))
}

pub(crate) struct Entered {
    pub(crate) place: Place,
    identity: Option<u64>,
    kernel: Box<dyn Driver>,
    watch: Option<Watch>,
    vpc: VpcId,
    warnings: Vec<String>,
    /// What the kernel has, as far as is known; `None`: read it.
    known: Option<Actual>,
    /// nftables' generation with our last change in it; `None`: it was not brought to an end.
    generation: Option<u32>,
}

impl Entered {
    pub(crate) fn enter(open: &Open, place: &Place, sinks: Sinks) -> Result<Self, Fault> {
        // Before the sockets: a namespace that comes under this name meanwhile is seen as another one.
        let identity = place.identity();
        let vpc = sinks.vpc;
        let (kernel, watch) = open(place, sinks)?;
        let (place, warnings) = (place.clone(), Vec::new());
        let mut entered =
            Self { place, identity, kernel, watch, vpc, warnings, known: None, generation: None };
        entered.look_at_the_place();
        for finding in &entered.warnings {
            tracing::warn!(%vpc, finding, "packets will not pass");
        }
        Ok(entered)
    }

    /// That it cannot be looked at keeps nothing from being carried.
    fn look_at_the_place(&mut self) {
        self.warnings = self.kernel.preflight().unwrap_or_else(|fault| vec![fault.to_string()]);
    }

    /// Whether the namespace of that name is still the one that was entered.
    pub(crate) fn is_there(&self) -> bool {
        self.place.identity() == self.identity
    }

    /// Why the watcher has ended, if it has.
    pub(crate) fn watch_ended(&self) -> Option<String> {
        self.watch.as_ref().and_then(Watch::ended)
    }

    /// Whether something that was seen could not be handed on since the last call.
    pub(crate) fn has_missed(&self) -> bool {
        self.watch.as_ref().is_some_and(Watch::has_missed)
    }

    /// Whether somebody else has changed the kernel's rulesets. A kernel that does not say has to be looked at, too.
    pub(crate) fn drifted(&mut self) -> bool {
        !self.kernel.generation().is_ok_and(|generation| Some(generation) == self.generation)
    }

    /// Whether what was seen of a neighbour or a route is other than what should be there.
    pub(crate) fn differs(&self, seen: Seen) -> bool {
        let Some(known) = &self.known else { return false };
        match seen {
            Seen::Neighbour { address, mac } => known.neighbours.get(&address.into()) != mac.as_ref(),
            Seen::Route { address, ours } => known.routes.contains(&address.into()) != ours,
            _ => false,
        }
    }

    /// What is known of the kernel may be wrong.
    pub(crate) fn forget(&mut self) {
        self.known = None;
    }

    /// The steps that it took.
    pub(crate) fn make_equal(
        &mut self,
        desired: &VpcDesired,
        pools: &BTreeSet<IpNet>,
    ) -> Result<Vec<Op>, Fault> {
        // Both are unknown until the end is reached.
        let (known, equal_at) = (self.known.take(), self.generation.take());
        let drifted = known.is_none() && equal_at.is_some();
        let (before, actual) = match known.zip(equal_at) {
            Some((known, generation)) => (generation, known),
            None => self.read()?,
        };
        let steps = diff(desired, pools, &actual);
        if drifted && !steps.is_empty() {
            let found = &steps[..steps.len().min(SHOWN)];
            let (vpc, namespace) = (self.vpc, self.place.namespace());
            tracing::warn!(%vpc, namespace, steps = steps.len(), ?found, "the kernel had drifted; mending it");
        }
        if !steps.is_empty() {
            self.kernel.apply(&steps)?;
        }
        // What the number is if nobody else changed anything under us; if somebody did, `drifted` sees it.
        let own = u32::from(steps.iter().any(is_of_nftables));
        self.generation = Some(before.wrapping_add(own));
        self.known = Some(wanted(desired, pools, self.place.arp));
        Ok(steps)
    }

    fn read(&mut self) -> Result<(u32, Actual), Fault> {
        tracing::debug!(vpc = %self.vpc, "the kernel is read back");
        // The generation first: who changes something after it is found by it.
        Ok((self.kernel.generation()?, self.kernel.read()?))
    }

    pub(crate) fn announce(&mut self, eips: &[Ipv4Addr]) -> Result<(), Fault> {
        if !self.place.arp || eips.is_empty() {
            return Ok(());
        }
        self.kernel.announce(eips)
    }

    pub(crate) fn ask(&mut self, havip: Ipv4Addr, holder: Option<Mac>) -> Result<(), Fault> {
        self.kernel.ask(havip, holder)
    }

    pub(crate) fn audit(&mut self, desired: &VpcDesired, pools: &BTreeSet<IpNet>, verify: bool) -> Audit {
        let drops = self.kernel.drops().unwrap_or_default();
        if verify {
            self.look_at_the_place();
        }
        let differences = match verify.then(|| self.kernel.read()) {
            None => Vec::new(),
            Some(Ok(actual)) => {
                diff(desired, pools, &actual).iter().map(|step| format!("{step:?}")).collect()
            }
            Some(Err(fault)) => vec![fault.to_string()],
        };
        Audit { differences, drops, warnings: self.warnings.clone() }
    }
}

/// All of these among one list of steps are one transaction, and so one generation.
fn is_of_nftables(step: &Op) -> bool {
    !matches!(step, Op::SetNeighbour(..) | Op::RemoveNeighbour(_) | Op::AddRoute(_) | Op::RemoveRoute(_))
}
