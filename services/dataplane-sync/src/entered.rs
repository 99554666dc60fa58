//! A place that was entered: its kernel, its watcher, and what is known of it.
//!
//! Its sockets keep a namespace alive, packets and all, also when its name is gone: see [`Entered::is_there`].

use std::{collections::BTreeSet, net::Ipv4Addr, sync::Arc};

use ipnet::IpNet;
use mooring_dataplane::{Driver, DropReason, Fault, Kernel, Place, Seen};
use mooring_domain::{
    Timestamp,
    address::Mac,
    id::VpcId,
    nat::{Actual, Difference, Op, RunningHash, VpcDesired, between, diff, differences, wanted},
};
use mooring_ledger::now;
use mooring_runtime::plant::planted;

use crate::watch::{self as watcher, Sinks, Watch};

/// The most steps that one line of the log shows.
const SHOWN: usize = 20;

/// What is said of rules that are not ours any more.
const RULES: &str = "tables, chains or rules are not ours any more";

/// A kernel read back on request.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) differences: Vec<String>,
    pub(crate) drops: Vec<(DropReason, u64)>,
    /// What about the place keeps packets from passing, as looked at last.
    pub(crate) warnings: Vec<String>,
}

/// What somebody had changed in a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drift {
    pub(crate) found_at: Timestamp,
    pub(crate) mended_at: Timestamp,
    /// Tables, chains or rules were not ours any more.
    pub(crate) rules: bool,
    pub(crate) differences: Vec<Difference>,
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
    /// What was put into the kernel, and nftables' generation with it in there; `None`: our last change was not brought
    /// to an end.
    put: Option<(Actual, u32)>,
    /// What that was wanted by: the VPC and the pools.
    wanted_by: Option<(VpcDesired, BTreeSet<IpNet>)>,
    /// The running hash of that.
    hash: RunningHash,
    /// Nobody else has changed it since, as far as is known; otherwise it is read.
    trusted: bool,
    /// Somebody has changed a ruleset, and that is all that is known to be wrong.
    touched: bool,
    /// What the last round found changed, and mended.
    drift: Option<Drift>,
    /// When all that the kernel has was last read, and held against what was put there.
    pub(crate) read_back_at: Option<Timestamp>,
}

impl Entered {
    pub(crate) fn enter(open: &Open, place: &Place, sinks: Sinks) -> Result<Self, Fault> {
        // Before the sockets: a namespace that comes under this name meanwhile is seen as another one.
        let identity = place.identity();
        let vpc = sinks.vpc;
        let (kernel, watch) = open(place, sinks)?;
        let (place, warnings) = (place.clone(), Vec::new());
        let (put, hash, trusted, drift) = (None, RunningHash::default(), false, None);
        let (wanted_by, read_back_at, touched) = (None, None, false);
        let mut entered = Self {
            place,
            identity,
            kernel,
            watch,
            vpc,
            warnings,
            put,
            wanted_by,
            hash,
            trusted,
            touched,
            drift,
            read_back_at,
        };
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

    /// The watcher listens for claims of the VPC's HAVIPs, before anybody is asked for one.
    pub(crate) fn listen_for(&mut self, desired: &VpcDesired) -> Result<(), Fault> {
        self.watch.as_mut().map_or(Ok(()), |watch| watch.listen_for(desired))
    }

    /// Whether somebody else has changed the kernel's rulesets. A kernel that does not say has to be looked at, too.
    pub(crate) fn drifted(&mut self) -> bool {
        // A gateway to which the kernel tells nothing, for those who show that a clock finds what changed.
        if planted("dataplane.deaf") {
            return false;
        }
        let with_ours = self.put.as_ref().map(|(_, generation)| *generation);
        !self.kernel.generation().is_ok_and(|generation| Some(generation) == with_ours)
    }

    /// Whether what was seen of a neighbour or a route is other than what should be there.
    pub(crate) fn differs(&self, seen: Seen) -> bool {
        let Some((put, _)) = self.put.as_ref().filter(|_| self.trusted) else { return false };
        match seen {
            Seen::Neighbour { address, mac } => put.neighbours.get(&address.into()) != mac.as_ref(),
            Seen::Route { address, ours } => put.routes.contains(&address.into()) != ours,
            _ => false,
        }
    }

    /// What is known of the kernel may be wrong.
    pub(crate) fn forget(&mut self) {
        (self.trusted, self.touched) = (false, false);
    }

    /// Somebody has changed a ruleset. What the kernel tells of that is enough, if it was elements alone.
    pub(crate) fn look_at_what_was_touched(&mut self) {
        self.touched = self.trusted;
    }

    /// The running hash of what was put into the kernel.
    pub(crate) fn hash(&self) -> Option<RunningHash> {
        self.put.as_ref().map(|_| self.hash)
    }

    /// What the last round found changed behind our back, once.
    pub(crate) fn take_drift(&mut self) -> Option<Drift> {
        self.drift.take()
    }

    /// The steps that it took.
    pub(crate) fn make_equal(
        &mut self,
        desired: &VpcDesired,
        pools: &BTreeSet<IpNet>,
    ) -> Result<Vec<Op>, Fault> {
        self.mend_what_was_touched()?;
        // Unknown until the end is reached.
        let (put, trusted) = (self.put.take(), std::mem::take(&mut self.trusted));
        // Of a kernel that is trusted only what changed since is looked at: a round costs what it changes.
        let wanted_by = self.wanted_by.take().filter(|_| trusted && put.is_some());
        let (before, mut actual, drift) = match put {
            Some((put, generation)) if trusted => (generation, put, None),
            put => {
                let found_at = now();
                // At a start, what is there is most likely what should be.
                let at_first = put.is_none().then(|| wanted(desired, pools, self.place.arp));
                let known = put.as_ref().map(|(put, _)| put).or(at_first.as_ref());
                let (generation, actual) = self.read(known)?;
                self.read_back_at = Some(found_at);
                let drift = put.and_then(|(put, _)| drift(found_at, &put, &actual));
                self.hash = RunningHash::of(&actual);
                (generation, actual, drift)
            }
        };
        let arp = self.place.arp;
        let steps = match &wanted_by {
            Some((vpc, blocks)) => between((vpc, blocks), (desired, pools), arp),
            None => diff(desired, pools, &actual),
        };
        if drift.is_some() {
            self.say_drifted(&steps);
        }
        // What the number is if nobody else changed anything under us; if somebody did, `drifted` sees it.
        let own = u32::from(self.apply(&actual, &steps)?);
        match wanted_by {
            Some(_) => steps.iter().for_each(|step| actual.take(*step)),
            None => actual = wanted(desired, pools, arp),
        }
        self.put = Some((actual, before.wrapping_add(own)));
        self.wanted_by = Some((desired.clone(), pools.clone()));
        self.trusted = true;
        // By a clock that may have been set back meanwhile.
        let drift = drift.map(|drift| Drift { mended_at: now().max(drift.found_at), ..drift });
        self.drift = drift.or(self.drift.take());
        Ok(steps)
    }

    /// Undoes what somebody did to single elements: that costs what was touched, and not what there is. What can't be undone
    /// so is not known any more, and everything is read.
    fn mend_what_was_touched(&mut self) -> Result<(), Fault> {
        if !std::mem::take(&mut self.touched) {
            return Ok(());
        }
        let found_at = now();
        let Some((put, with_ours)) = &self.put else { return Ok(()) };
        let Some((generation, touched)) = self.kernel.touched(*with_ours)? else {
            self.trusted = false;
            return Ok(());
        };
        let (was, is) = put.touched(&touched);
        let steps = Actual::back(&was, &is);
        if let Some(drift) = drift(found_at, &was, &is) {
            self.say_drifted(&steps);
            self.trusted = false;
            self.kernel.apply(&steps)?;
            self.trusted = true;
            self.drift = Some(Drift { mended_at: now().max(found_at), ..drift });
        }
        let own = u32::from(!steps.is_empty());
        self.put.iter_mut().for_each(|(_, with_ours)| *with_ours = generation.wrapping_add(own));
        Ok(())
    }

    fn say_drifted(&self, steps: &[Op]) {
        let found = &steps[..steps.len().min(SHOWN)];
        let (vpc, namespace) = (self.vpc, self.place.namespace());
        tracing::warn!(%vpc, namespace, steps = steps.len(), ?found, "the kernel had drifted; mending it");
    }

    /// Takes the steps, and follows them with the hash: of what was put there, not of what should be. Whether the rulesets
    /// were changed.
    fn apply(&mut self, before: &Actual, steps: &[Op]) -> Result<bool, Fault> {
        // A gateway that leaves one element out, for those who compare gateways.
        let left_out =
            |step: &&Op| matches!(step, Op::MapEip(..)) && planted("dataplane.leaves-an-element-out");
        let steps: Vec<_> = steps.iter().filter(|step| !left_out(step)).copied().collect();
        if !steps.is_empty() {
            self.kernel.apply(&steps)?;
        }
        steps.iter().for_each(|step| self.hash.step(before, *step));
        Ok(steps.iter().any(is_of_nftables))
    }

    fn read(&mut self, known: Option<&Actual>) -> Result<(u32, Actual), Fault> {
        tracing::debug!(vpc = %self.vpc, "the kernel is read back");
        // The generation first: who changes something after it is found by it.
        let generation = self.kernel.generation()?;
        let actual = match known {
            Some(known) => self.kernel.read_known(known)?,
            None => self.kernel.read()?,
        };
        Ok((generation, actual))
    }

    /// Everything that the kernel has now.
    pub(crate) fn actual(&mut self) -> Result<Actual, Fault> {
        self.kernel.read()
    }

    pub(crate) fn announce(&mut self, eips: &[Ipv4Addr]) -> Result<(), Fault> {
        if !self.place.arp || eips.is_empty() {
            return Ok(());
        }
        self.kernel.announce(eips)
    }

    pub(crate) fn ask(&mut self, havips: &[(Ipv4Addr, Option<Mac>)]) -> Result<(), Fault> {
        if havips.is_empty() {
            return Ok(());
        }
        self.kernel.ask(havips)
    }

    /// Whether the questions went out.
    pub(crate) fn probe(&mut self, holders: &[(Ipv4Addr, Mac)]) -> Result<bool, Fault> {
        self.kernel.probe(holders)
    }

    pub(crate) fn audit(&mut self, desired: &VpcDesired, pools: &BTreeSet<IpNet>, verify: bool) -> Audit {
        let drops = self.kernel.drops().unwrap_or_default();
        if verify {
            self.look_at_the_place();
        }
        let wanted = verify.then(|| wanted(desired, pools, self.place.arp));
        let differences = match wanted.map(|wanted| (self.kernel.read_known(&wanted), wanted)) {
            None => Vec::new(),
            Some((Ok(actual), wanted)) => {
                let rules = (!actual.ruleset).then(|| RULES.to_owned());
                let elements = known_differences(&wanted, &actual);
                rules.into_iter().chain(elements.iter().map(ToString::to_string)).collect()
            }
            Some((Err(fault), _)) => vec![fault.to_string()],
        };
        Audit { differences, drops, warnings: self.warnings.clone() }
    }
}

/// What somebody else changed, if anything.
fn drift(found_at: Timestamp, put: &Actual, found: &Actual) -> Option<Drift> {
    let (rules, differences) = (!found.ruleset, known_differences(put, found));
    let drift = Drift { found_at, mended_at: found_at, rules, differences };
    (drift.rules || !drift.differences.is_empty()).then_some(drift)
}

/// Of tables that are not ours any more no element is read: what is outside of them is compared alone.
pub(crate) fn known_differences(wanted: &Actual, found: &Actual) -> Vec<Difference> {
    if found.ruleset {
        return differences(wanted, found);
    }
    let (neighbours, routes) = (found.neighbours.clone(), found.routes.clone());
    differences(wanted, &Actual { neighbours, routes, ..wanted.clone() })
}

/// All of these among one list of steps are one transaction, and so one generation.
fn is_of_nftables(step: &Op) -> bool {
    !matches!(step, Op::SetNeighbour(..) | Op::RemoveNeighbour(_) | Op::AddRoute(_) | Op::RemoveRoute(_))
}
