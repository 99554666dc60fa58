//! The resource service, as binding uses it: holds and releases, in batches.

use std::time::Duration;

use bytes::Bytes;
use mooring_domain::{
    event::{BindRequested, EipFacts, HavipFacts},
    id::{self, BindingId, EipId, HavipId},
    name::{Name, ProjectId, RegionId},
};
use mooring_ledger::ACTOR;
use mooring_proto::{
    convert, preview,
    resource::v1::{
        HoldRequest, ListHoldsRequest, ReleaseRequest, hold_request::Item,
        hold_response::outcome::Result as Held, hold_service_client::HoldServiceClient,
    },
};
use mooring_runtime::peer::{Idempotent, Peer, Within};
use tonic::{Request, Status, metadata::AsciiMetadataValue};

use crate::process::ACTOR as PROCESS;

/// At most this many in a call.
pub(crate) const BATCH: usize = 1000;

/// What a binding holds, or is to hold.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) binding: BindingId,
    pub(crate) eip: EipId,
    pub(crate) havip: HavipId,
    /// Whose both are said to be.
    pub(crate) project: ProjectId,
    /// The binding that may hold the EIP meanwhile.
    pub(crate) moved_from: Option<BindingId>,
}

impl From<&BindRequested> for Pair {
    fn from(request: &BindRequested) -> Self {
        Self {
            binding: request.binding,
            eip: request.eip,
            havip: request.havip,
            project: request.project.clone(),
            moved_from: request.moved_from,
        }
    }
}

/// Why resource holds nothing for a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: String,
    pub(crate) message: String,
    /// The binding that holds it.
    pub(crate) held_by: Option<BindingId>,
}

/// What became of a hold.
pub(crate) type Hold = Result<(EipFacts, HavipFacts), Refusal>;

/// A client of one region's holds.
#[derive(Clone)]
pub(crate) struct Resource {
    client: HoldServiceClient<Peer>,
    region: RegionId,
}

impl Resource {
    pub(crate) fn new(resource: Peer, region: RegionId) -> Self {
        Self { client: HoldServiceClient::new(resource), region }
    }

    /// Holds for each binding, at most [`BATCH`], and says what became of each, in their order.
    pub(crate) async fn hold(&self, pairs: &[Pair]) -> Result<Vec<Hold>, Status> {
        Ok(self.ask_hold(pairs, false).await?.0)
    }

    /// What would become of a hold, if resource says so in time.
    pub(crate) async fn validate_hold_within(&self, pair: &Pair, patience: Duration) -> Result<Hold, Status> {
        let mut request = by_process(self.request(std::slice::from_ref(pair), true));
        request.extensions_mut().insert(Within(patience));
        let mut outcomes = self.client.clone().hold(request).await?.into_inner().outcomes;
        outcomes.pop().and_then(|outcome| outcome.result).ok_or_else(malformed).and_then(hold)
    }

    /// What would become of a hold, and the events that resource would store for it.
    pub(crate) async fn validate_hold(&self, pair: &Pair) -> Result<(Hold, Vec<Bytes>), Status> {
        let (mut outcomes, events) = self.ask_hold(std::slice::from_ref(pair), true).await?;
        Ok((outcomes.pop().ok_or_else(malformed)?, events))
    }

    fn request(&self, pairs: &[Pair], validate_only: bool) -> HoldRequest {
        let items = pairs.iter().map(|pair| Item {
            binding_id: convert::id_bytes(pair.binding),
            eip_id: convert::id_bytes(pair.eip),
            havip_id: convert::id_bytes(pair.havip),
            project: pair.project.to_string(),
            moved_from_binding_id: pair.moved_from.map(convert::id_bytes).unwrap_or_default(),
        });
        HoldRequest { region: self.region.to_string(), items: items.collect(), validate_only }
    }

    async fn ask_hold(&self, pairs: &[Pair], validate_only: bool) -> Result<(Vec<Hold>, Vec<Bytes>), Status> {
        let answer = self.client.clone().hold(by_process(self.request(pairs, validate_only))).await?;
        let events = preview::events_in(answer.metadata());
        let outcomes = answer.into_inner().outcomes;
        if outcomes.len() != pairs.len() {
            return Err(Status::internal("resource answered another number of holds than was asked"));
        }
        let outcomes =
            outcomes.into_iter().map(|outcome| outcome.result.ok_or_else(malformed).and_then(hold));
        Ok((outcomes.collect::<Result<_, _>>()?, events))
    }

    /// Releases for each binding, at most [`BATCH`].
    pub(crate) async fn release(&self, bindings: impl Iterator<Item = BindingId>) -> Result<(), Status> {
        self.ask_release(bindings, false).await.map(drop)
    }

    /// The events that resource would store for a release.
    pub(crate) async fn validate_release(&self, binding: BindingId) -> Result<Vec<Bytes>, Status> {
        self.ask_release(std::iter::once(binding), true).await
    }

    async fn ask_release(
        &self,
        bindings: impl Iterator<Item = BindingId>,
        validate_only: bool,
    ) -> Result<Vec<Bytes>, Status> {
        let binding_ids: Vec<_> = bindings.map(convert::id_bytes).collect();
        let request = ReleaseRequest { region: self.region.to_string(), binding_ids, validate_only };
        let answer = self.client.clone().release(by_process(request)).await?;
        Ok(preview::events_in(answer.metadata()))
    }

    /// Who holds, after this binding in the order of ids, some of them; none: that was the end.
    pub(crate) async fn holding(&self, after: BindingId) -> Result<Vec<BindingId>, Status> {
        let request = ListHoldsRequest { region: self.region.to_string(), after: convert::id_bytes(after) };
        let answer = self.client.clone().list_holds(by_process(request)).await?.into_inner();
        let ids = answer.binding_ids.iter().map(|id| convert::id("binding_ids", id));
        ids.collect::<Result<_, _>>().map_err(|_| malformed())
    }
}

/// Says who acts. Holds and releases have the binding's id, and reads change nothing: neither does a second one.
pub(crate) fn by_process<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Idempotent);
    request.metadata_mut().insert(ACTOR, AsciiMetadataValue::from_static(PROCESS));
    request
}

fn malformed() -> Status {
    Status::internal("resource answered a hold without saying what became of it")
}

fn hold(held: Held) -> Result<Hold, Status> {
    match held {
        Held::Refusal(refusal) => {
            let held_by = refusal.in_the_way.parse().ok().map(|name: Name<id::Binding>| name.id);
            Ok(Err(Refusal { reason: refusal.reason, message: refusal.message, held_by }))
        }
        Held::Facts(facts) => {
            let eip = convert::eip(facts.eip).map_err(|_| malformed())?;
            let havip = convert::havip(facts.havip).map_err(|_| malformed())?;
            Ok(Ok((eip, havip)))
        }
    }
}
