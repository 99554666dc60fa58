//! A region folded from its log, by the cores that the services decide with and the fold that gateways follow.

use std::ops::ControlFlow;

use mooring_domain::{
    Actor, Commit, CommitPosition, Decider, Position, RequestId, Stream, Timestamp, binding,
    binding::BindingCore,
    holder,
    holder::HolderCore,
    name::RegionId,
    nat::{self, Desired},
    resource,
    resource::ResourceCore,
};
use mooring_event_log::{Record, Walked, walk};
use mooring_ledger::{Undecodable, commits};

use super::{Moment, Place};
use crate::{failure::Failure, resolve::Argument, wire};

/// The region as it was.
#[derive(Default)]
pub struct Folded {
    /// What existed.
    pub resource: resource::State,
    /// What fronted what.
    pub binding: binding::State,
    /// Who held what.
    pub holder: holder::State,
    /// What kernels should have had.
    pub desired: Desired,
    /// The commit folded last; none where nothing was folded.
    pub last: Option<Last>,
}

/// A commit, but for its events.
#[derive(Clone)]
pub struct Last {
    pub at: CommitPosition,
    pub stream: Stream,
    pub recorded_at: Timestamp,
    pub actor: Actor,
    pub request_id: Option<RequestId>,
}

impl Folded {
    /// Folds the log up to what `argument` says. What stands behind that may be damaged, or newer than this program.
    pub fn at(place: &Place, argument: Argument<'_>) -> Result<Self, Failure> {
        let moment = Moment::parse(argument)?;
        let mut folding =
            Folding { moment, folded: Self::default(), first: None, reached: false, unreadable: None };
        let walked = walk(&place.folder, |record| folding.record(record))?;
        let folded = folding.finish(&walked, argument)?;
        folded.check_region(place)?;
        Ok(folded)
    }

    fn commit(&mut self, commit: &Commit) {
        ResourceCore::follow(&mut self.resource, commit);
        BindingCore::follow(&mut self.binding, commit);
        HolderCore::follow(&mut self.holder, commit);
        nat::fold(&mut self.desired, commit);
        let Commit { at, stream, recorded_at, request_id, .. } = *commit;
        self.last = Some(Last { at, stream, recorded_at, actor: commit.actor.clone(), request_id });
    }

    /// The region that the events are of; none where nothing exists yet.
    pub fn region(&self) -> Option<&RegionId> {
        let pools = self.resource.pools().iter().map(|pool| &pool.facts.region);
        let vpcs = self.resource.vpcs().iter().map(|vpc| &vpc.facts.region);
        pools.chain(vpcs).chain(self.binding.gateways().map(|gateway| &gateway.facts.region)).next()
    }

    /// A folder may have any name: the log itself knows whose it is.
    fn check_region(&self, place: &Place) -> Result<(), Failure> {
        let Some(found) = self.region() else { return Ok(()) };
        let said = [("--region", &place.asked), ("PLACE", &place.region)];
        for (argument, region) in said {
            if let Some(region) = region.as_ref().filter(|region| *region != found) {
                let what = format!("there is no log of region {region} in {place}: it is region {found}'s");
                return Err(Failure::no_log(argument, &what));
            }
        }
        Ok(())
    }
}

/// A fold that is under way.
struct Folding {
    moment: Moment,
    folded: Folded,
    /// When the first commit of the log was recorded.
    first: Option<Timestamp>,
    /// Nothing more belongs to the moment.
    reached: bool,
    unreadable: Option<Undecodable>,
}

impl Folding {
    fn record(&mut self, record: &Record) -> ControlFlow<()> {
        // Only the time says of a record whether it belongs to the moment: one that does not need not be readable.
        let outside = |commit: &mooring_event_log::Commit| {
            let at = CommitPosition { position: Position(record.position.0), index: 0 };
            !self.moment.admits(at, Timestamp(commit.recorded_at))
        };
        self.reached = record.commits.first().is_some_and(outside);
        if self.reached {
            self.first = self.first.or(record.commits.first().map(|commit| Timestamp(commit.recorded_at)));
            return ControlFlow::Break(());
        }
        match commits(record) {
            Ok(commits) => self.commits(&commits),
            Err(error) => {
                self.unreadable = Some(error);
                return ControlFlow::Break(());
            }
        }
        if self.reached { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn commits(&mut self, commits: &[Commit]) {
        for commit in commits {
            self.first.get_or_insert(commit.recorded_at);
            if self.moment.admits(commit.at, commit.recorded_at) {
                self.folded.commit(commit);
            } else {
                self.reached = true;
            }
        }
        self.reached |= match (self.moment, &self.folded.last) {
            (Moment::Record(position), Some(last)) => last.at.position == position,
            (Moment::Commit(commit), Some(last)) => last.at == commit,
            _ => false,
        };
    }

    fn finish(self, walked: &Walked, argument: Argument<'_>) -> Result<Folded, Failure> {
        if let Some(error) = &self.unreadable {
            return Err(Failure::unreadable(error));
        }
        if let (false, Some(damage)) = (self.reached, &walked.damage) {
            let whole = walked.whole.position;
            let hint =
                format!("up to record {whole} it is whole, and can be asked; `moor log verify` says more");
            return Err(Failure::damaged_log(damage, &hint));
        }
        if !self.is_there() {
            let what = self.outside(walked.whole.position.0);
            return Err(Failure::outside_the_log(argument, &what));
        }
        Ok(self.folded)
    }

    /// Whether what was folded is what was asked for.
    fn is_there(&self) -> bool {
        let last = self.folded.last.as_ref().map(|last| last.at);
        match self.moment {
            Moment::End => true,
            Moment::Record(position) => last.map_or(Position(0), |last| last.position) == position,
            Moment::Commit(commit) => last == Some(commit),
            Moment::Time(_) => last.is_some(),
        }
    }

    fn outside(&self, end: u64) -> String {
        let Some(first) = self.first else { return "the log has no record yet".to_owned() };
        match (self.moment, &self.folded.last) {
            (Moment::Time(_), _) => {
                format!("is before everything: the first commit was recorded at {}", wire::time_ns(first.0))
            }
            (Moment::Commit(commit), Some(last)) if last.at.position == commit.position => {
                format!(
                    "there is no commit {commit}: the last one of record {} is {}",
                    commit.position, last.at
                )
            }
            (Moment::Commit(CommitPosition { position: Position(0), .. }), _) => {
                "record 0 is before everything, and has no commit".to_owned()
            }
            (moment, _) => {
                let asked = match moment {
                    Moment::Commit(commit) => commit.position,
                    Moment::Record(position) => position,
                    Moment::End | Moment::Time(_) => Position(end),
                };
                format!("there is no record {asked}: the log ends at {end}")
            }
        }
    }
}
