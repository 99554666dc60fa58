//! The binding API.

use std::collections::BTreeMap;

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use mooring_domain::{
    Decider, Event, Expected, Position, Rejection,
    binding::{Binding, BindingCore, Command, Phase, State, check_regions},
    id::{self, BindingId, VpcId},
    name::{GatewayName, Name, RegionId, Scope, parse_region, parse_regional},
};
use mooring_ledger::{Caller, Outcome, Refused, Regions, Watch, Watches, watched_from};
use mooring_proto::{
    binding::v1::{
        self as api, BatchGetBindingsRequest, BatchGetBindingsResponse, BindRequest, GetBindingRequest,
        ListBindingsRequest, ListBindingsResponse, MoveRequest, UnbindRequest, UnbindResponse,
        WaitAppliedRequest, WaitAppliedResponse, WatchBindingsRequest, WatchBindingsResponse,
        binding_service_server::BindingService,
    },
    page,
    status::{Unserved, bad_field, bad_name, came_to_nothing, from_unserved},
    together::{each, together},
};
use mooring_runtime::{peer::Peer, plant, shutdown::Shutdown};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    RegionReports, answer,
    early::Early,
    names::{named, says_id},
    reports::Reports,
    resource::{Pair, Resource},
    there::{Names, There},
    validated::Validated,
    wait::Wait,
    watch::{Wanted, Watching},
};

pub(crate) struct Bindings {
    pub(crate) regions: Regions<BindingCore>,
    pub(crate) reports: RegionReports,
    pub(crate) early: BTreeMap<RegionId, Early>,
    /// The way to resource.
    pub(crate) resource: Peer,
    /// What it has.
    pub(crate) there: There,
    pub(crate) watches: Watches,
    /// When it is said, watches end.
    pub(crate) stop: Shutdown,
}

impl Bindings {
    fn reports(&self, region: &RegionId) -> Result<&Reports, Status> {
        let reports = self.reports.get(region);
        reports.ok_or_else(|| Refused::Unserved(Unserved::Unavailable).into())
    }

    /// Has a bind decided; what it needs is held meanwhile, if it looks as if it would be.
    async fn submit_bind(
        &self,
        region: &RegionId,
        caller: Caller,
        command: Command,
        pair: Pair,
    ) -> Result<Outcome, Refused> {
        let ledger = self.regions.get("havip", region)?;
        let promising = !caller.validates_only()
            && BindingCore::decide(&ledger.view().state, &command)
                .is_ok_and(|events| !events.is_empty() && !plant::planted("bind.holds-late"));
        let Some(early) = self.early.get(region).filter(|_| promising).cloned() else {
            return ledger.submit(caller, command).await;
        };
        let ledger = ledger.clone();
        // A task of its own hears what became of the request, also when the caller has gone away.
        let submitted = tokio::spawn(async move {
            let flight = early.begin(pair.clone());
            let outcome = ledger.submit(caller, command).await;
            match &outcome {
                Ok(outcome) if bound(outcome) == Some(pair.binding) => flight.landed(),
                Err(Refused::Unserved(Unserved::Unknown)) => {}
                Err(Refused::Unserved(_)) => flight.refused(),
                _ => {
                    flight.refused();
                    early.settled(pair.binding).await;
                }
            }
            outcome
        });
        submitted.await.unwrap_or(Err(Unserved::Unknown.into()))
    }

    /// What is only to be decided.
    fn validated(&self, region: &RegionId) -> Result<Validated<'_>, Status> {
        let resource = Resource::new(self.resource.clone(), region.clone());
        let (ledger, reports) = (self.regions.get("havip", region)?, self.reports(region)?);
        Ok(Validated { ledger, reports, resource, there: &self.there })
    }

    /// Looks at what a request that would be stored names. Where that is not there, a retry answers as the first request with
    /// its id did all the same: nothing new is stored.
    async fn check_there(&self, command: &Command, names: Names<'_>, pair: &Pair) -> Result<(), Status> {
        let ledger = self.regions.get("havip", &names.1.scope.region)?;
        match BindingCore::decide(&ledger.view().state, command) {
            Ok(events) if !events.is_empty() => self.there.check(names, pair).await,
            _ => Ok(()),
        }
    }

    /// What fronts nothing may do so because it is not there: resource knows.
    async fn told_apart(
        &self,
        submitted: Result<Outcome, Refused>,
        eip: &Name<id::Eip>,
    ) -> Result<Outcome, Status> {
        if let Err(Refused::Rejected(Rejection { reason: "EIP_NOT_BOUND", .. })) = &submitted {
            self.there.check_eip(eip).await?;
        }
        Ok(submitted?)
    }

    /// What a `Bind` or a `Move` names. What people call things is looked up only for what was not asked for before: by now it
    /// may be something else that is called so.
    async fn asked(&self, caller: &Caller, eip: &str, havip: &str) -> Result<Asked, Status> {
        let scopes = (caller.scoped::<id::Eip>("eip", eip), caller.scoped::<id::Havip>("havip", havip));
        let ((), (of_eip, _), (of_havip, _)) = together((caller.request_id(), scopes.0, scopes.1))?;
        check_regions(&of_eip, &of_havip).map_err(Refused::from)?;
        if !says_id::<id::Eip>(eip) || !says_id::<id::Havip>(havip) {
            let ledger = self.regions.get("havip", &of_havip.region)?;
            if let Some(first) = ledger.answered(caller.clone()).await? {
                return Ok(Asked::Before(first));
            }
        }
        let eip = named::<id::Eip>(&self.resource, "eip", eip).await?;
        Ok(Asked::New(eip, named::<id::Havip>(&self.resource, "havip", havip).await?))
    }

    /// Answers as the first `Bind` or `Move` of this request id.
    async fn answer_first(&self, first: Outcome, waits: Waits) -> Result<Response<api::Binding>, Status> {
        let request = first.events.iter().find_map(|event| match event {
            Event::BindRequested(request) => Some(request.clone()),
            _ => None,
        });
        let request = request.ok_or(Refused::Unserved(Unserved::Unavailable))?;
        self.answer_bound(&request.eip_name(), &request.havip_name(), first, waits).await
    }

    /// Answers for the binding that a `Bind` or a `Move` made or found, once it has come to its end.
    async fn answer_bound(
        &self,
        eip: &Name<id::Eip>,
        havip: &Name<id::Havip>,
        outcome: Outcome,
        waits: Waits,
    ) -> Result<Response<api::Binding>, Status> {
        let ledger = self.regions.get("havip", &havip.scope.region)?;
        let reports = self.reports(&havip.scope.region)?;
        let there = || {
            let state = ledger.view().state;
            let of_havip = state
                .of_havip(&havip.scope.project, havip.id)
                .filter(|binding| binding.request.eip == eip.id);
            of_havip.map(|binding| binding.request.binding)
        };
        let wait = Wait::new(ledger, reports, waits.tells_causes);
        let id = bound(&outcome).or_else(there);
        let binding = match id {
            Some(id) => wait.decided(id).await?,
            None => None,
        };
        let gone =
            || Rejection::precondition("UNBOUND_SINCE", "eip", "it was bound, and has been unbound since");
        // What is on its way out is as good as gone: nobody's bind is answered with it.
        let binding = binding.filter(|binding| !matches!(binding.phase, Phase::Unassociating(_)));
        let binding = binding.ok_or_else(|| Refused::from(gone()))?;
        if let Phase::Failed { reason, message } = &binding.phase {
            return Err(match &**reason {
                "NOT_FOUND" => self.there.missing(message, (eip, havip)).await,
                _ => failed(&binding, reason, message),
            });
        }
        let outcome = outcome.ended_at(binding.at.position);
        if !waits.applied {
            return Ok(outcome.answer(answer::binding(&binding, &ledger.view().state, reports)));
        }
        wait.applied(binding.request.binding).await?;
        let state = ledger.view().state;
        let binding = state.get(binding.request.binding).ok_or_else(|| Refused::from(gone()))?;
        Ok(outcome.answer(answer::binding(binding, &state, reports)))
    }
}

/// How an answer is waited for.
#[derive(Clone, Copy)]
struct Waits {
    /// Whether gateways' kernels are, too. Nothing is put anywhere by a request that is only validated.
    applied: bool,
    /// Whether the caller hears why a gateway is late.
    tells_causes: bool,
}

impl Waits {
    fn of(caller: &Caller, applied: bool) -> Self {
        Self { applied: applied && !caller.validates_only(), tells_causes: caller.is_operator() }
    }
}

/// What a request asks for.
enum Asked {
    /// These two.
    New(Name<id::Eip>, Name<id::Havip>),
    /// What was asked for before under its id, and came to this.
    Before(Outcome),
}

/// The binding that a `Bind` or a `Move` made.
fn bound(outcome: &Outcome) -> Option<BindingId> {
    outcome.events.iter().find_map(|event| match event {
        Event::BindRequested(request) => Some(request.binding),
        _ => None,
    })
}

/// The binding that an `Unbind` takes apart, or found being taken apart, and where that was asked for.
fn unbinding(outcome: &Outcome, state: &State, eip: Option<&Name<id::Eip>>) -> Option<(BindingId, Position)> {
    let requested = outcome.events.iter().find_map(|event| match event {
        Event::UnbindRequested(facts) => Some(facts.binding),
        _ => None,
    });
    if let (Some(id), Some(at)) = (requested, outcome.at) {
        return Some((id, at.position));
    }
    let eip = eip?;
    // Anything else that has the EIP by now is somebody else's, or was bound since: not to be waited for.
    let binding = state.of_eip(&eip.scope.project, eip.id)?;
    matches!(binding.phase, Phase::Unassociating(_)).then_some((binding.request.binding, binding.at.position))
}

/// Why a binding failed, as an error.
pub(crate) fn failed(binding: &Binding, reason: &str, message: &str) -> Status {
    let field = if reason.starts_with("EIP") { "eip" } else { "havip" };
    let message = format!("{message} (binding {} FAILED)", binding.name());
    came_to_nothing(reason, field, &message)
}

#[tonic::async_trait]
impl BindingService for Bindings {
    async fn bind(&self, request: Request<BindRequest>) -> Result<Response<api::Binding>, Status> {
        let (caller, request) = Caller::open(request);
        let waits = Waits::of(&caller, request.wait_applied);
        let (eip, havip) = match self.asked(&caller, &request.eip, &request.havip).await? {
            Asked::New(eip, havip) => (eip, havip),
            Asked::Before(first) => return self.answer_first(first, waits).await,
        };
        let (binding, project) = (BindingId::new(Uuid::now_v7()), havip.scope.project.clone());
        let pair = Pair { binding, eip: eip.id, havip: havip.id, project, moved_from: None };
        let command = Command::Bind { id: pair.binding, eip: eip.clone(), havip: havip.clone() };
        let ledger = self.regions.get("havip", &havip.scope.region)?;
        let outcome = match self.check_there(&command, (&eip, &havip), &pair).await {
            Ok(()) => self.submit_bind(&havip.scope.region, caller, command, pair.clone()).await?,
            Err(missing) => ledger.submit_found(caller, Err(missing)).await?,
        };
        if outcome.validated_only {
            return self.validated(&havip.scope.region)?.bind(&outcome, &pair).await;
        }
        self.answer_bound(&eip, &havip, outcome, waits).await
    }

    async fn r#move(&self, request: Request<MoveRequest>) -> Result<Response<api::Binding>, Status> {
        let (caller, request) = Caller::open(request);
        let waits = Waits::of(&caller, request.wait_applied);
        let (eip, havip) = match self.asked(&caller, &request.eip, &request.havip).await? {
            Asked::New(eip, havip) => (eip, havip),
            Asked::Before(first) => return self.answer_first(first, waits).await,
        };
        let ledger = self.regions.get("havip", &havip.scope.region)?;
        let id = BindingId::new(Uuid::now_v7());
        let expected = Expected(request.expected_revision);
        let command = Command::Move { id, eip: eip.clone(), havip: havip.clone(), expected };
        let project = havip.scope.project.clone();
        let left = ledger.view().state.of_eip(&project, eip.id).map(|left| left.request.binding);
        let pair = Pair { binding: id, eip: eip.id, havip: havip.id, project, moved_from: left };
        let outcome = match self.check_there(&command, (&eip, &havip), &pair).await {
            Ok(()) => self.told_apart(ledger.submit(caller, command).await, &eip).await?,
            Err(missing) => ledger.submit_found(caller, Err(missing)).await?,
        };
        if outcome.validated_only {
            return self.validated(&havip.scope.region)?.moved(&outcome).await;
        }
        self.answer_bound(&eip, &havip, outcome, waits).await
    }

    async fn unbind(&self, request: Request<UnbindRequest>) -> Result<Response<UnbindResponse>, Status> {
        let (caller, request) = Caller::open(request);
        let scope = caller.scoped::<id::Eip>("eip", &request.eip);
        let ((), (scope, _)) = together((caller.request_id(), scope))?;
        let ledger = self.regions.get("eip", &scope.region)?;
        let reports = self.reports(&scope.region)?;
        let expected = Expected(request.expected_revision);
        let (validates_only, waits) = (caller.validates_only(), Waits::of(&caller, false));
        let first = match says_id::<id::Eip>(&request.eip) {
            true => None,
            false => ledger.answered(caller.clone()).await?,
        };
        let (eip, outcome) = match first {
            Some(first) => (None, first),
            None => {
                let eip = named::<id::Eip>(&self.resource, "eip", &request.eip).await?;
                let command = Command::Unbind { scope: scope.clone(), eip: eip.id, expected };
                (Some(eip), ledger.submit(caller, command).await?)
            }
        };
        if outcome.validated_only {
            return self.validated(&scope.region)?.unbind(&outcome).await;
        }
        let position = match unbinding(&outcome, &ledger.view().state, eip.as_ref()) {
            Some((id, position)) => {
                // What is only validated waits for nobody.
                if !validates_only && !plant::planted("unbind.answers-early") {
                    Wait::new(ledger, reports, waits.tells_causes).gone(id).await?;
                }
                position
            }
            None => {
                if let Some(eip) = eip.filter(|_| outcome.at.is_none()) {
                    self.there.check_eip(&eip).await?;
                }
                // Looking may have taken a while, and somebody may have bound it since.
                outcome.position
            }
        };
        Ok(outcome.ended_at(ledger.view().position).answer(UnbindResponse { position: position.0 }))
    }

    async fn get_binding(
        &self,
        request: Request<GetBindingRequest>,
    ) -> Result<Response<api::Binding>, Status> {
        let (caller, request) = Caller::read(request);
        let name = caller.name::<id::Binding>("name", &request.name)?;
        let state = self.regions.get("name", &name.scope.region)?.current_for(&caller).await?.state;
        let reports = self.reports(&name.scope.region)?;
        Ok(Response::new(answer::binding(there(&state, "name", &name)?, &state, reports)))
    }

    async fn batch_get_bindings(
        &self,
        request: Request<BatchGetBindingsRequest>,
    ) -> Result<Response<BatchGetBindingsResponse>, Status> {
        let (caller, request) = Caller::read(request);
        let names = || each(request.names.iter().map(|name| caller.name::<id::Binding>("names", name)));
        let names = page::batch(&request.names).and_then(|_| names());
        let (scope, names) = together((caller.scope("parent", &request.parent), names))?;
        each(names.iter().map(|name| page::in_parent(&scope, &name.scope, name)))?;
        let state = self.regions.get("parent", &scope.region)?.current_for(&caller).await?.state;
        let reports = self.reports(&scope.region)?;
        let one = |name| Ok(answer::binding(there(&state, "names", name)?, &state, reports));
        let bindings = names.iter().map(one).collect::<Result<_, Status>>()?;
        Ok(Response::new(BatchGetBindingsResponse { bindings }))
    }

    async fn list_bindings(
        &self,
        request: Request<ListBindingsRequest>,
    ) -> Result<Response<ListBindingsResponse>, Status> {
        let (caller, request) = Caller::read(request);
        let page = page::parse::<_, api::Binding>(page::Asked {
            parent: &request.parent,
            size: request.page_size,
            token: &request.page_token,
            filter: &request.filter,
            order: &request.order_by,
            ..page::Asked::default()
        });
        let (scope, page) = together((caller.scope("parent", &request.parent), page))?;
        let state = self.regions.get("parent", &scope.region)?.current_for(&caller).await?.state;
        let reports = self.reports(&scope.region)?;
        let message = |binding| answer::binding(binding, &state, reports);
        let bindings = state.list(&scope, page.after);
        let (bindings, next_page_token) = page.take(bindings, |binding| binding.request.binding, message)?;
        Ok(Response::new(ListBindingsResponse { bindings, next_page_token }))
    }

    type WatchBindingsStream = BoxStream<'static, Result<WatchBindingsResponse, Status>>;

    async fn watch_bindings(
        &self,
        request: Request<WatchBindingsRequest>,
    ) -> Result<Response<Self::WatchBindingsStream>, Status> {
        let (caller, request) = Caller::read(request);
        let scope = caller.scope("parent", &request.parent)?;
        let ledger = self.regions.get("parent", &scope.region)?;
        let reports = self.reports(&scope.region)?;
        let begun = self.watches.begin(&caller, &scope.project)?;
        let after = Position(request.after);
        let view = watched_from(ledger, after).await?;
        let binding = match request.binding.as_str() {
            "" => None,
            name => Some(wanted(&caller, &view.state, &scope, (name, after))?),
        };
        let wanted = Wanted { scope, binding, reports: reports.clone() };
        let watching = Watching::new(Watch::new(wanted, ledger, view, after), reports);
        let answers = stream::try_unfold((watching, begun), async |(mut watching, begun)| {
            let answer = watching.next().await?;
            Ok(Some((answer, (watching, begun))))
        });
        let stopping = stream::once(async { Err(from_unserved(Unserved::Closed)) });
        Ok(Response::new(answers.take_until(self.stop.clone().stopped()).chain(stopping).boxed()))
    }

    async fn wait_applied(
        &self,
        request: Request<WaitAppliedRequest>,
    ) -> Result<Response<WaitAppliedResponse>, Status> {
        let request = request.get_ref();
        let region = parse_region(&request.parent).map_err(bad_name("parent"))?;
        let ledger = self.regions.get("parent", &region)?;
        let view = ledger.current().await?;
        let asked = Position(request.position);
        if asked > view.position {
            return Err(Refused::from(Rejection::outside_the_log("position", asked, view.position)).into());
        }
        let gateways = request.gateways.iter().map(|name| registered(&view.state, &region, name));
        let gateways = gateways.collect::<Result<Vec<_>, _>>()?;
        let vpc = match request.vpc.as_str() {
            "" => None,
            name => Some(vpc_of(&region, name)?),
        };
        let position = if asked == Position::default() { view.position } else { asked };
        let applied = Wait::new(ledger, self.reports(&region)?, true).at(&gateways, vpc, position).await?;
        let gateways = applied.iter().map(|gateway| format!("regions/{region}/gateways/{gateway}")).collect();
        Ok(Response::new(WaitAppliedResponse { position: position.0, gateways }))
    }
}

/// The binding of this name, which another project's is not.
fn there<'a>(state: &'a State, field: &'static str, name: &Name<id::Binding>) -> Result<&'a Binding, Status> {
    let binding = state.get(name.id).filter(|binding| binding.scope() == name.scope);
    binding.ok_or_else(|| Refused::from(Rejection::not_found(field, name)).into())
}

/// The binding that is watched. Whoever goes on may ask for one that is gone since.
fn wanted(
    caller: &Caller,
    state: &State,
    scope: &Scope,
    (name, after): (&str, Position),
) -> Result<BindingId, Status> {
    let name = caller.name::<id::Binding>("binding", name)?;
    if name.scope != *scope {
        return Err(bad_field("binding", format!("must be in {scope}, is {name}")));
    }
    let there = state.get(name.id).is_some_and(|binding| binding.scope() == name.scope);
    if after == Position::default() && !there {
        return Err(Refused::from(Rejection::not_found("binding", &name)).into());
    }
    Ok(name.id)
}

/// A gateway that somebody may wait for.
fn registered(state: &State, region: &RegionId, name: &str) -> Result<GatewayName, Status> {
    let (of, gateway) = parse_regional(name, "gateways").map_err(bad_name("gateways"))?;
    if of != *region {
        return Err(bad_field("gateways", format!("must be of regions/{region}, is {name}")));
    }
    let gateway: GatewayName = gateway.parse().map_err(bad_name("gateways"))?;
    let known =
        state.gateway(&gateway).ok_or_else(|| Refused::from(Rejection::not_found("gateways", name)))?;
    if !known.registered {
        let message = "it was decommissioned: it carries nothing, and nobody waits for it";
        let rejection = Rejection::precondition("NOT_REGISTERED", "gateways", message).because_of(name);
        return Err(Refused::from(rejection).into());
    }
    Ok(gateway)
}

fn vpc_of(region: &RegionId, name: &str) -> Result<VpcId, Status> {
    let name: Name<id::Vpc> = name.parse().map_err(bad_name("vpc"))?;
    if name.scope.region != *region {
        return Err(bad_field("vpc", format!("must be of regions/{region}, is {name}")));
    }
    Ok(name.id)
}
