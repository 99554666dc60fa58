//! Which commit put an element where it is, and who asked for that.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    ops::{ControlFlow, Range},
    path::Path,
};

use mooring_domain::{
    Commit, CommitPosition, Event, Position,
    binding::Phase,
    id::{BindingId, VpcId},
    nat::ruleset::{EIP_TO_HAVIP, HAVIP_TO_EIP, HAVIPS, HOLDERS, POOLS, SUBNETS, UNHELD},
};
use mooring_event_log::{EventLog, Filter, Position as LogPosition, Record, walk};
use mooring_ledger::commits;
use mooring_proto::dataplane::v1::{Origin, PacketWalk, TracePacketResponse};

use crate::{Folded, Last, NoAnswer};

/// The commits that an answer names.
pub type Commits = BTreeMap<CommitPosition, Origin>;

/// Where an origin stands.
pub(crate) fn at(at: CommitPosition) -> Origin {
    Origin { position: at.position.0, index: at.index, ..Origin::default() }
}

pub(crate) fn of_last(last: &Last) -> Origin {
    Origin {
        recorded_at: last.recorded_at.0,
        actor: last.actor.0.to_string(),
        request_id: last.request_id.map(|id| id.0.to_string()).unwrap_or_default(),
        stream: last.stream.name().to_owned(),
        ..at(last.at)
    }
}

fn of_commit(commit: &Commit) -> Origin {
    Origin {
        recorded_at: commit.recorded_at.0,
        actor: commit.actor.0.to_string(),
        request_id: commit.request_id.map(|id| id.0.to_string()).unwrap_or_default(),
        stream: commit.stream.name().to_owned(),
        ..at(commit.at)
    }
}

/// The commit that put an element into a set or map.
pub(super) fn of_element(folded: &Folded, vpc: VpcId, set: &str, key: Ipv4Addr) -> Option<CommitPosition> {
    let (key, state) = (IpAddr::V4(key), &folded.resource);
    match set {
        EIP_TO_HAVIP => of_eip(folded, key),
        HAVIP_TO_EIP => {
            let nat = &folded.desired.vpcs.get(&vpc)?.nat;
            of_eip(folded, nat.iter().find(|(_, havip)| **havip == key).map(|(eip, _)| *eip)?)
        }
        SUBNETS => {
            let mut subnets = state.subnets().iter().filter(|subnet| subnet.facts.vpc == vpc);
            subnets.find(|subnet| subnet.facts.cidr.contains(&key)).map(|subnet| subnet.at)
        }
        POOLS => {
            let has = |cidrs: &[ipnet::IpNet]| cidrs.iter().any(|cidr| cidr.contains(&key));
            state.pools().iter().find(|pool| has(&pool.facts.cidrs)).map(|pool| pool.at)
        }
        HAVIPS | UNHELD => {
            let havip = folded.holder.at(vpc, key)?.facts.id;
            state.havips().get(havip).map(|havip| havip.at)
        }
        HOLDERS => {
            let holding = folded.holder.at(vpc, key)?.holding.as_ref()?;
            // A gateway's own decision about another is in no commit.
            let has = folded.desired.vpcs.get(&vpc)?.holders.get(&key).copied().flatten();
            (has == Some(holding.vnic.mac)).then_some(holding.at)
        }
        _ => None,
    }
}

/// The commit by which an EIP fronts what it does.
pub(crate) fn of_eip(folded: &Folded, eip: IpAddr) -> Option<CommitPosition> {
    let eip = &folded.resource.eip_at(eip)?.facts.eip;
    let binding = folded.binding.of_eip(&eip.project, eip.id)?;
    matches!(binding.phase, Phase::InUse(_)).then_some(binding.at)
}

/// Records asked of a log at once.
const CHUNK: u64 = 64;

/// Those commits, from the log in a folder.
pub fn commits_in_folder(folder: &Path, wanted: &BTreeSet<CommitPosition>) -> Result<Commits, NoAnswer> {
    let mut gathering = Gathering::new(wanted);
    let mut failed = None;
    walk(folder, |record| match gathering.record(record) {
        Ok(()) if record.position.0 < gathering.last() => ControlFlow::Continue(()),
        Ok(()) => ControlFlow::Break(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(gathering.finish()), Err)
}

/// Those commits, from an open log. Only the records that they stand in are read, and what is before a bind as far as its
/// request.
pub async fn commits_of(log: &dyn EventLog, wanted: &BTreeSet<CommitPosition>) -> Result<Commits, NoAnswer> {
    let mut gathering = Gathering::new(wanted);
    let positions: BTreeSet<u64> = wanted.iter().map(|at| at.position.0).filter(|at| *at > 0).collect();
    for position in positions {
        gathering.read(log, position - 1..position).await?;
    }
    for (at, binding) in gathering.bound.clone() {
        let mut end = at.position.0;
        while !gathering.asked.contains_key(&binding) && end > 0 {
            let begin = end.saturating_sub(CHUNK);
            gathering.read(log, begin..end).await?;
            end = begin;
        }
    }
    Ok(gathering.finish())
}

/// Gathers from a log's records the commits that are wanted.
struct Gathering<'a> {
    wanted: &'a BTreeSet<CommitPosition>,
    found: Commits,
    /// By what request each binding was asked for: the commit that binds is the process manager's own.
    asked: BTreeMap<BindingId, Origin>,
    bound: BTreeMap<CommitPosition, BindingId>,
}

impl<'a> Gathering<'a> {
    fn new(wanted: &'a BTreeSet<CommitPosition>) -> Self {
        Self { wanted, found: Commits::new(), asked: BTreeMap::new(), bound: BTreeMap::new() }
    }

    /// Those after the first position, to the last one.
    async fn read(&mut self, log: &dyn EventLog, positions: Range<u64>) -> Result<(), NoAnswer> {
        let count = usize::try_from(positions.end - positions.start).unwrap_or(usize::MAX);
        let records = log.read(&Filter::All, LogPosition(positions.start), count).await?;
        records.iter().try_for_each(|record| self.record(record))
    }

    fn last(&self) -> u64 {
        self.wanted.last().map_or(0, |last| last.position.0)
    }

    fn record(&mut self, record: &Record) -> Result<(), NoAnswer> {
        if record.position.0 > self.last() {
            return Ok(());
        }
        for commit in commits(record)? {
            let is_wanted = self.wanted.contains(&commit.at);
            for event in &commit.events {
                match event {
                    Event::BindRequested(request) => {
                        self.asked.insert(request.binding, of_commit(&commit));
                    }
                    Event::Bound(facts) if is_wanted => {
                        self.bound.insert(commit.at, facts.binding);
                    }
                    _ => {}
                }
            }
            if is_wanted {
                self.found.insert(commit.at, of_commit(&commit));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Commits {
        for (at, binding) in &self.bound {
            if let Some(found) = self.found.get_mut(at) {
                found.asked = self.asked.get(binding).cloned().map(Box::new);
            }
        }
        self.found
    }
}

/// An answer that names commits.
pub trait Names {
    /// Every origin in it.
    fn origins(&mut self) -> Vec<&mut Origin>;

    /// The commits that it names.
    fn wanted(&mut self) -> BTreeSet<CommitPosition> {
        self.origins().iter().map(|origin| place(origin)).collect()
    }

    /// Says of each who asked for it, and when.
    fn complete(&mut self, commits: &Commits) {
        for origin in self.origins() {
            if let Some(whole) = commits.get(&place(origin)) {
                origin.clone_from(whole);
            }
        }
    }
}

fn place(origin: &Origin) -> CommitPosition {
    CommitPosition { position: Position(origin.position), index: origin.index }
}

impl Names for TracePacketResponse {
    fn origins(&mut self) -> Vec<&mut Origin> {
        self.walk.iter_mut().flat_map(Names::origins).collect()
    }
}

impl Names for PacketWalk {
    fn origins(&mut self) -> Vec<&mut Origin> {
        let details = self.steps.iter_mut().flat_map(|step| &mut step.details);
        let own = details.filter_map(|detail| detail.origin.as_mut());
        own.chain(self.error.iter_mut().flat_map(|error| error.origins())).collect()
    }
}
