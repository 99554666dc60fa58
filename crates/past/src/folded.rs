//! A region folded.

use mooring_domain::{
    Actor, Commit, CommitPosition, Decider, RequestId, Stream, Timestamp, binding,
    binding::BindingCore,
    holder,
    holder::HolderCore,
    name::RegionId,
    nat::{self, Desired},
    resource,
    resource::ResourceCore,
};
use mooring_proto::dataplane::v1 as api;

/// The region as it was.
#[derive(Clone, Debug, Default)]
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
#[derive(Clone, Debug)]
pub struct Last {
    /// Where it stands.
    pub at: CommitPosition,
    /// Whose it is.
    pub stream: Stream,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who asked.
    pub actor: Actor,
    /// Under which id.
    pub request_id: Option<RequestId>,
}

impl Folded {
    /// What another commit makes of it. Commits come in the order of the log, and none is left out.
    pub fn commit(&mut self, commit: &Commit) {
        ResourceCore::follow(&mut self.resource, commit);
        self.rest(commit);
        self.last = Some(Last::of(commit));
    }

    /// The same of everything but what existed.
    pub(crate) fn rest(&mut self, commit: &Commit) {
        BindingCore::follow(&mut self.binding, commit);
        HolderCore::follow(&mut self.holder, commit);
        nat::fold(&mut self.desired, commit);
    }

    /// Where it stands, as the API says it.
    pub fn moment(&self) -> api::Moment {
        self.last.as_ref().map(Last::moment).unwrap_or_default()
    }

    /// The region that the events are of; none where nothing exists yet.
    pub fn region(&self) -> Option<&RegionId> {
        let pools = self.resource.pools().iter().map(|pool| &pool.facts.region);
        let vpcs = self.resource.vpcs().iter().map(|vpc| &vpc.facts.region);
        pools.chain(vpcs).chain(self.binding.gateways().map(|gateway| &gateway.facts.region)).next()
    }
}

impl Last {
    /// What is to be said of a commit.
    pub fn of(commit: &Commit) -> Self {
        let Commit { at, stream, recorded_at, request_id, .. } = *commit;
        Self { at, stream, recorded_at, actor: commit.actor.clone(), request_id }
    }

    /// The same, as the API says it.
    pub fn moment(&self) -> api::Moment {
        api::Moment {
            position: self.at.position.0,
            index: self.at.index,
            recorded_at: self.recorded_at.0,
            stream: self.stream.name().to_owned(),
            actor: self.actor.0.to_string(),
            request_id: self.request_id.map(|id| id.0.to_string()).unwrap_or_default(),
        }
    }
}
