//! How binding holds what a binding needs, and lets go of it. Batches: each item is a command of its own.

use mooring_domain::{
    id::BindingId,
    name::RegionId,
    resource::{Command, Hold, ReleaseHold, ResourceCore, State},
};
use mooring_ledger::{Caller, Outcome as Stored, Refused, Regions, now};
use mooring_proto::{
    convert::{self, Malformed},
    preview,
    resource::v1::{
        HoldRequest, HoldResponse, ListHoldsRequest, ListHoldsResponse, ReleaseRequest, ReleaseResponse,
        hold_response::{Facts, Outcome, Refusal, outcome},
        hold_service_server::HoldService,
    },
    status::{Unserved, bad_field},
};
use tonic::{Request, Response, Status, metadata::MetadataMap};
use uuid::Uuid;

const MOST: usize = 1000;
/// At most so many ids in an answer.
const PAGE: usize = 10_000;

pub(crate) struct Holds {
    pub(crate) regions: Regions<ResourceCore>,
}

#[tonic::async_trait]
impl HoldService for Holds {
    async fn hold(&self, request: Request<HoldRequest>) -> Result<Response<HoldResponse>, Status> {
        let caller = Caller::of(request.metadata());
        let request = request.into_inner();
        let region = parse_region(&request.region, request.items.len(), "items")?;
        let ledger = self.regions.get("region", &region)?;
        let holds = request.items.iter().map(|item| {
            Ok(Hold {
                binding: convert::id("items.binding_id", &item.binding_id)?,
                eip: convert::id("items.eip_id", &item.eip_id)?,
                havip: convert::id("items.havip_id", &item.havip_id)?,
                project: match item.project.as_str() {
                    "" => None,
                    project => Some(convert::text("items.project", project)?),
                },
                moved_from: convert::optional_id("items.moved_from_binding_id", &item.moved_from_binding_id)?,
                region: region.clone(),
                now: now(),
            })
        });
        let holds =
            holds.collect::<Result<Vec<_>, Malformed>>().map_err(|error| bad_field("items", error))?;
        let commands = holds.iter().cloned().map(Command::Hold);
        let placed = match request.validate_only {
            true => ledger.validate_each(commands).await?,
            false => ledger.submit_all(&caller, commands).await,
        };
        // Looked at after the answers: they were decided on what is at or before it.
        let view = ledger.view();
        let mut response = Response::new(HoldResponse::default());
        preview_of(&placed, response.metadata_mut());
        let outcomes =
            placed.into_iter().zip(&holds).map(|(outcome, hold)| place(outcome, &view.state, hold));
        response.get_mut().outcomes = outcomes.collect::<Result<_, _>>()?;
        response.get_mut().position = view.position.0;
        Ok(response)
    }

    async fn release(&self, request: Request<ReleaseRequest>) -> Result<Response<ReleaseResponse>, Status> {
        let caller = Caller::of(request.metadata());
        let request = request.into_inner();
        let caller = caller.validating(request.validate_only);
        let region = parse_region(&request.region, request.binding_ids.len(), "binding_ids")?;
        let ledger = self.regions.get("region", &region)?;
        let bindings = request.binding_ids.iter().map(|id| convert::id("binding_ids", id));
        let bindings: Vec<BindingId> =
            bindings.collect::<Result<_, _>>().map_err(|error| bad_field("binding_ids", error))?;
        let release = |binding| Command::ReleaseHold(ReleaseHold { binding, region: region.clone() });
        let released = ledger.submit_all(&caller, bindings.into_iter().map(release)).await;
        let mut response = Response::new(ReleaseResponse { position: ledger.view().position.0 });
        preview_of(&released, response.metadata_mut());
        released.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(response)
    }

    async fn list_holds(
        &self,
        request: Request<ListHoldsRequest>,
    ) -> Result<Response<ListHoldsResponse>, Status> {
        let request = request.into_inner();
        let region: RegionId = request.region.parse().map_err(|error| bad_field("region", error))?;
        let after = match request.after.is_empty() {
            true => BindingId::new(Uuid::nil()),
            false => convert::id("after", &request.after).map_err(|error| bad_field("after", error))?,
        };
        let state = self.regions.get("region", &region)?.current().await?.state;
        let binding_ids = state.holding(after).take(PAGE).map(convert::id_bytes).collect();
        Ok(Response::new(ListHoldsResponse { binding_ids }))
    }
}

/// What would have been stored for those that were only validated.
fn preview_of(outcomes: &[Result<Stored, Refused>], metadata: &mut MetadataMap) {
    let validated = outcomes.iter().flatten().filter(|outcome| outcome.validated_only);
    preview::put_events(metadata, validated.flat_map(|outcome| &outcome.events));
}

fn parse_region(region: &str, items: usize, field: &'static str) -> Result<RegionId, Status> {
    if !(1..=MOST).contains(&items) {
        return Err(bad_field(field, format!("must be 1 to {MOST}, are {items}")));
    }
    region.parse().map_err(|error| bad_field("region", error))
}

/// The facts of one hold, or why there is none. Only what concerns the whole log fails the whole batch.
fn place(outcome: Result<Stored, Refused>, state: &State, hold: &Hold) -> Result<Outcome, Status> {
    let result = match outcome {
        Ok(_) => outcome::Result::Facts(facts(state, hold)?),
        Err(Refused::Rejected(rejection)) => outcome::Result::Refusal(Refusal {
            reason: rejection.reason.to_owned(),
            message: rejection.message,
            in_the_way: rejection.in_the_way.unwrap_or_default(),
        }),
        Err(unserved) => return Err(unserved.into()),
    };
    Ok(Outcome { result: Some(result) })
}

/// What is held cannot have gone: the facts are there as long as the hold is.
fn facts(state: &State, hold: &Hold) -> Result<Facts, Status> {
    let eip = state.eips().get(hold.eip).map(|entry| convert::wire_eip(&entry.facts.eip));
    let havip = state.havips().get(hold.havip).map(|entry| convert::wire_havip(&entry.facts.havip));
    match (eip, havip) {
        (Some(eip), Some(havip)) => Ok(Facts { eip: Some(eip), havip: Some(havip) }),
        _ => Err(Refused::Unserved(Unserved::Unavailable).into()),
    }
}
