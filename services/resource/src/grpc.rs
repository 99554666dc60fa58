//! The resource API: standard methods in front of the core.

use std::{collections::BTreeMap, sync::Arc};

use mooring_domain::{
    CommitPosition, Event, Expected,
    binding::{Fronting, FrontingCore},
    event::PoolCreated,
    id::{self, Kind},
    name::{RegionId, Scope, parse_regional},
    resource::{Command, CoolingEip, Entry, Facts, ReleaseEip, ResourceCore, State, is_cooling},
};
use mooring_ledger::{Caller, Ledger, Outcome, Reader, Refused, Regions, now};
use mooring_proto::{
    answer::resource as answer,
    page,
    resource::v1::{self as api, resource_service_server::ResourceService},
    status::{Unserved, bad_name},
    together::{also, together},
};
use mooring_runtime::plant;
use tonic::{Code, Request, Response, Status};

use crate::{commands, find, pools, reads};

pub(crate) struct Resource {
    pub(crate) regions: Regions<ResourceCore>,
    pub(crate) bindings: Arc<BTreeMap<RegionId, Reader<FrontingCore>>>,
}

type Answer<T> = Result<Response<T>, Status>;

impl Resource {
    pub(crate) fn ledger(
        &self,
        field: &'static str,
        region: &RegionId,
    ) -> Result<&Ledger<ResourceCore>, Refused> {
        self.regions.get(field, region)
    }

    /// Has decided what a request makes in a project's scope. `command` looks names up; where the scope is none, nothing is there.
    async fn create(
        &self,
        caller: Caller,
        parent: &str,
        command: impl FnOnce(&State, Result<Scope, Status>) -> Result<Command, Status>,
    ) -> Result<Outcome, Status> {
        let scope = caller.scope("parent", parent);
        let ledger = scope.as_ref().map_err(Status::clone);
        let ledger = ledger.and_then(|scope| Ok(self.ledger("parent", &scope.region)?));
        let command = command(&state_of(&ledger), scope);
        let ready = together((ledger, caller.request_id()));
        let (ledger, ()) = ready.map_err(|wrong| also(wrong, &command))?;
        ledger.submit_found(caller, command).await
    }

    /// The ledger and the scope of what a request is to change.
    fn ledger_of<K: Kind>(
        &self,
        caller: &Caller,
        field: &'static str,
        name: &Result<String, Status>,
    ) -> Result<(&Ledger<ResourceCore>, Scope), Status> {
        let name = name.as_ref().map_err(Status::clone)?;
        let (scope, _) = caller.scoped::<K>(field, name)?;
        Ok((self.ledger(field, &scope.region)?, scope))
    }

    pub(crate) async fn bindings(&self, region: &RegionId) -> Result<Arc<Fronting>, Status> {
        let reader = self.bindings.get(region).ok_or(Refused::Unserved(Unserved::Unavailable))?;
        if plant::planted("eip.stale") {
            return Ok(reader.view().state);
        }
        Ok(reader.current().await?.state)
    }
}

/// A pool as it is at present, and as this caller may see it: how much of it others have is the operator's to know.
fn pool_for(caller: &Caller, state: &State, pool: &Entry<PoolCreated>) -> api::Pool {
    let id = pool.facts.id;
    let told = answer::pool(&pool.facts, pool.at, state.allocated(id), state.cooling().count(id, now()));
    if caller.is_operator() { told } else { api::Pool { allocated: 0, cooling: None, free: None, ..told } }
}

/// What there is; nothing where the request names no region of this server.
fn state_of<E>(ledger: &Result<&Ledger<ResourceCore>, E>) -> Arc<State> {
    ledger.as_ref().map_or_else(|_| Arc::default(), |ledger| ledger.view().state)
}

/// What is not there because its project gave it back is said to be cooling, as a read says it.
fn unless_cooling(missing: Status, ledger: &Ledger<ResourceCore>, field: &'static str, name: &str) -> Status {
    if missing.code() != Code::NotFound {
        return missing;
    }
    match find::cooling(&ledger.view().state, name, now()) {
        Some(entry) => {
            let CoolingEip { described, until } = &entry.facts;
            Refused::from(is_cooling(field, entry.facts.name(), described.eip.address, *until)).into()
        }
        None => missing,
    }
}

/// What was stored, by this request or the first one with its id.
pub(crate) fn stored(outcome: &Outcome) -> Result<(CommitPosition, Event), Status> {
    let event = outcome.events.first().cloned();
    let both = outcome.at.zip(event);
    both.ok_or_else(|| Refused::Unserved(Unserved::Unavailable).into())
}

/// What a request says of the page it wants.
macro_rules! asked {
    ($request:expr) => {
        page::Asked {
            parent: &$request.parent,
            size: $request.page_size,
            token: &$request.page_token,
            filter: &$request.filter,
            order: &$request.order_by,
            ..page::Asked::default()
        }
    };
}

/// The same of a change; `None` where it was so already.
pub(crate) fn changed(outcome: &Outcome) -> Result<Option<(CommitPosition, Event)>, Status> {
    if outcome.at.is_none() { Ok(None) } else { stored(outcome).map(Some) }
}

/// The answer to a command whose first event is of the kind that `$event` says.
macro_rules! answer {
    ($outcome:expr, $event:path => |$facts:ident, $at:ident| $message:expr) => {
        match stored(&$outcome)? {
            ($at, $event($facts)) => Ok($outcome.answer($message)),
            _ => Err(Refused::Unserved(Unserved::Unavailable).into()),
        }
    };
}

#[tonic::async_trait]
impl ResourceService for Resource {
    async fn create_pool(&self, request: Request<api::CreatePoolRequest>) -> Answer<api::Pool> {
        let (caller, request) = Caller::open(request);
        let region = commands::region("parent", &request.parent);
        let command = commands::create_pool(region.clone(), request.pool);
        let (region, (), command) = together((region, caller.request_id(), command))?;
        let outcome = self.ledger("parent", &region)?.submit(caller, command).await?;
        answer!(outcome, Event::PoolCreated => |pool, at| answer::pool(&pool, at, 0, 0))
    }

    async fn get_pool(&self, request: Request<api::GetPoolRequest>) -> Answer<api::Pool> {
        let (caller, request) = Caller::read(request);
        let name = &request.name;
        let (region, _) = parse_regional(name, "pools").map_err(bad_name("name"))?;
        let state = self.ledger("name", &region)?.view_for(&caller).await?.state;
        let pool = find::regional(state.pools(), None, "name", name)?;
        Ok(Response::new(pool_for(&caller, &state, pool)))
    }

    async fn list_pools(&self, request: Request<api::ListPoolsRequest>) -> Answer<api::ListPoolsResponse> {
        let (caller, request) = Caller::read(request);
        let region = commands::region("parent", &request.parent);
        let (region, page) = together((region, page::parse::<_, api::Pool>(asked!(request))))?;
        let state = self.ledger("parent", &region)?.view_for(&caller).await?.state;
        let pools = state.pools().list(&region, page.after);
        let (pools, next_page_token) =
            page.take(pools, |pool| pool.facts.id, |pool| pool_for(&caller, &state, pool))?;
        Ok(Response::new(api::ListPoolsResponse { pools, next_page_token }))
    }

    async fn update_pool(&self, request: Request<api::UpdatePoolRequest>) -> Answer<api::Pool> {
        let (caller, request) = Caller::open(request);
        let expected = request.expected_revision;
        let (name, change) = pools::change(&caller, request)?;
        self.change_pool(caller, ("pool.name", &name), expected, change).await
    }

    async fn drain_pool(&self, request: Request<api::DrainPoolRequest>) -> Answer<api::Pool> {
        let (caller, request) = Caller::open(request);
        let name = ("name", request.name.as_str());
        self.change_pool(caller, name, request.expected_revision, pools::draining(true)).await
    }

    async fn resume_pool(&self, request: Request<api::ResumePoolRequest>) -> Answer<api::Pool> {
        let (caller, request) = Caller::open(request);
        let name = ("name", request.name.as_str());
        self.change_pool(caller, name, request.expected_revision, pools::draining(false)).await
    }

    async fn delete_pool(&self, request: Request<api::DeletePoolRequest>) -> Answer<api::DeletePoolResponse> {
        let (caller, request) = Caller::open(request);
        let outcome = self.delete_pool_of(caller, &request.name, request.expected_revision).await?;
        let position = stored(&outcome)?.0.position.0;
        Ok(outcome.answer(api::DeletePoolResponse { position }))
    }

    async fn create_vpc(&self, request: Request<api::CreateVpcRequest>) -> Answer<api::Vpc> {
        let (caller, request) = Caller::open(request);
        let command = |_: &State, scope| commands::create_vpc(scope, request.vpc);
        let outcome = self.create(caller, &request.parent, command).await?;
        answer!(outcome, Event::VpcCreated => |vpc, at| answer::vpc(&vpc, at))
    }

    async fn get_vpc(&self, request: Request<api::GetVpcRequest>) -> Answer<api::Vpc> {
        let (caller, request) = Caller::read(request);
        let name = &request.name;
        let state = self.state_of::<mooring_domain::event::VpcCreated>(&caller, name).await?;
        Ok(Response::new(answer::of(find::scoped(state.vpcs(), "name", name)?, answer::vpc)))
    }

    async fn list_vpcs(&self, request: Request<api::ListVpcsRequest>) -> Answer<api::ListVpcsResponse> {
        let (caller, request) = Caller::read(request);
        let asked = asked!(request);
        let (vpcs, next_page_token) =
            self.list(&caller, asked, State::vpcs, |entry, _| answer::of(entry, answer::vpc)).await?;
        Ok(Response::new(api::ListVpcsResponse { vpcs, next_page_token }))
    }

    async fn create_subnet(&self, request: Request<api::CreateSubnetRequest>) -> Answer<api::Subnet> {
        let (caller, request) = Caller::open(request);
        let command = |state: &State, scope| commands::create_subnet(state, scope, request.subnet);
        let outcome = self.create(caller, &request.parent, command).await?;
        answer!(outcome, Event::SubnetCreated => |subnet, at| answer::subnet(&subnet, at))
    }

    async fn get_subnet(&self, request: Request<api::GetSubnetRequest>) -> Answer<api::Subnet> {
        let (caller, request) = Caller::read(request);
        let name = &request.name;
        let state = self.state_of::<mooring_domain::event::SubnetCreated>(&caller, name).await?;
        Ok(Response::new(answer::of(find::scoped(state.subnets(), "name", name)?, answer::subnet)))
    }

    async fn list_subnets(
        &self,
        request: Request<api::ListSubnetsRequest>,
    ) -> Answer<api::ListSubnetsResponse> {
        let (caller, request) = Caller::read(request);
        let asked = asked!(request);
        let (subnets, next_page_token) =
            self.list(&caller, asked, State::subnets, |entry, _| answer::of(entry, answer::subnet)).await?;
        Ok(Response::new(api::ListSubnetsResponse { subnets, next_page_token }))
    }

    async fn create_vnic(&self, request: Request<api::CreateVnicRequest>) -> Answer<api::Vnic> {
        let (caller, request) = Caller::open(request);
        let command = |state: &State, scope| commands::create_vnic(state, scope, request.vnic);
        let outcome = self.create(caller, &request.parent, command).await?;
        answer!(outcome, Event::VnicCreated => |vnic, at| answer::vnic(&vnic, at))
    }

    async fn get_vnic(&self, request: Request<api::GetVnicRequest>) -> Answer<api::Vnic> {
        let (caller, request) = Caller::read(request);
        let name = &request.name;
        let state = self.state_of::<mooring_domain::event::VnicCreated>(&caller, name).await?;
        Ok(Response::new(answer::of(find::scoped(state.vnics(), "name", name)?, answer::vnic)))
    }

    async fn list_vnics(&self, request: Request<api::ListVnicsRequest>) -> Answer<api::ListVnicsResponse> {
        let (caller, request) = Caller::read(request);
        let asked = asked!(request);
        let (vnics, next_page_token) =
            self.list(&caller, asked, State::vnics, |entry, _| answer::of(entry, answer::vnic)).await?;
        Ok(Response::new(api::ListVnicsResponse { vnics, next_page_token }))
    }

    async fn delete_vpc(&self, request: Request<api::DeleteVpcRequest>) -> Answer<api::DeleteVpcResponse> {
        let (caller, request) = Caller::open(request);
        let named = (request.name.as_str(), request.expected_revision);
        let outcome = self.delete(caller, named, State::vpcs, Command::DeleteVpc).await?;
        let position = stored(&outcome)?.0.position.0;
        Ok(outcome.answer(api::DeleteVpcResponse { position }))
    }

    async fn update_subnet(&self, request: Request<api::UpdateSubnetRequest>) -> Answer<api::Subnet> {
        let (caller, request) = Caller::open(request);
        self.change_subnet(caller, request).await
    }

    async fn delete_subnet(
        &self,
        request: Request<api::DeleteSubnetRequest>,
    ) -> Answer<api::DeleteSubnetResponse> {
        let (caller, request) = Caller::open(request);
        let named = (request.name.as_str(), request.expected_revision);
        let outcome = self.delete(caller, named, State::subnets, Command::DeleteSubnet).await?;
        let position = stored(&outcome)?.0.position.0;
        Ok(outcome.answer(api::DeleteSubnetResponse { position }))
    }

    async fn delete_vnic(&self, request: Request<api::DeleteVnicRequest>) -> Answer<api::DeleteVnicResponse> {
        let (caller, request) = Caller::open(request);
        let named = (request.name.as_str(), request.expected_revision);
        let outcome = self.delete(caller, named, State::vnics, Command::DeleteVnic).await?;
        let position = stored(&outcome)?.0.position.0;
        Ok(outcome.answer(api::DeleteVnicResponse { position }))
    }

    async fn create_havip(&self, request: Request<api::CreateHavipRequest>) -> Answer<api::Havip> {
        let (caller, request) = Caller::open(request);
        let command = |state: &State, scope| commands::create_havip(state, scope, request.havip);
        let outcome = self.create(caller, &request.parent, command).await?;
        answer!(outcome, Event::HavipCreated => |havip, at| answer::havip(&havip, at, None))
    }

    async fn get_havip(&self, request: Request<api::GetHavipRequest>) -> Answer<api::Havip> {
        let (caller, request) = Caller::read(request);
        let name = &request.name;
        let state = self.state_of::<mooring_domain::event::HavipCreated>(&caller, name).await?;
        Ok(Response::new(reads::havip(find::scoped(state.havips(), "name", name)?, &state)))
    }

    async fn batch_get_havips(
        &self,
        request: Request<api::BatchGetHavipsRequest>,
    ) -> Answer<api::BatchGetHavipsResponse> {
        let (caller, request) = Caller::read(request);
        let havips = self.batch_of_havips(&caller, &request.parent, &request.names).await?;
        Ok(Response::new(api::BatchGetHavipsResponse { havips }))
    }

    async fn list_havips(&self, request: Request<api::ListHavipsRequest>) -> Answer<api::ListHavipsResponse> {
        let (caller, request) = Caller::read(request);
        let asked = asked!(request);
        let (havips, next_page_token) = self.list(&caller, asked, State::havips, reads::havip).await?;
        Ok(Response::new(api::ListHavipsResponse { havips, next_page_token }))
    }

    async fn update_havip(&self, request: Request<api::UpdateHavipRequest>) -> Answer<api::Havip> {
        let (caller, request) = Caller::open(request);
        let name = commands::set("havip", request.havip.as_ref()).map(|havip| havip.name.clone());
        let ledger = self.ledger_of::<id::Havip>(&caller, "havip.name", &name).map(|(ledger, _)| ledger);
        let command = commands::update_havip(&state_of(&ledger), request);
        let (ledger, name, ()) =
            together((ledger, name, caller.request_id())).map_err(|wrong| also(wrong, &command))?;
        let outcome = ledger.submit_found(caller, command).await?;
        let state = ledger.view().state;
        let (facts, at) = match changed(&outcome)? {
            Some((at, Event::HavipUpdated(facts))) => (facts, at),
            Some(_) => return Err(Refused::Unserved(Unserved::Unavailable).into()),
            None => {
                let entry = find::scoped(state.havips(), "havip.name", &name)?;
                (entry.facts.clone(), entry.at)
            }
        };
        let held_by = state.havip_held_by(facts.havip.id);
        Ok(outcome.answer(answer::havip(&facts, at, held_by)))
    }

    async fn delete_havip(
        &self,
        request: Request<api::DeleteHavipRequest>,
    ) -> Answer<api::DeleteHavipResponse> {
        let (caller, request) = Caller::open(request);
        let named = (request.name.as_str(), request.expected_revision);
        let scope = caller.scoped::<id::Havip>("name", &request.name);
        let deleted = self.delete(caller, named, State::havips, Command::DeleteHavip).await;
        let outcome = match (deleted, scope) {
            (Err(refused), Ok((scope, _))) => {
                return Err(self.unless_under_way(refused, &scope.region).await);
            }
            (deleted, _) => deleted?,
        };
        let position = stored(&outcome)?.0.position.0;
        Ok(outcome.answer(api::DeleteHavipResponse { position }))
    }

    async fn allocate_eip(&self, request: Request<api::AllocateEipRequest>) -> Answer<api::Eip> {
        let (caller, request) = Caller::open(request);
        let command = |state: &State, scope| commands::allocate_eip(state, scope, request.eip);
        let outcome = self.create(caller, &request.parent, command).await?;
        answer!(outcome, Event::EipAllocated => |eip, at| answer::eip(&eip, at, None))
    }

    async fn get_eip(&self, request: Request<api::GetEipRequest>) -> Answer<api::Eip> {
        let (caller, request) = Caller::read(request);
        let name = &request.name;
        let (scope, _) = caller.scoped::<id::Eip>("name", name)?;
        let state = self.ledger("name", &scope.region)?.view_for(&caller).await?.state;
        let there = reads::eip_or_cooling(&state, "name", name)?;
        let bindings = self.bindings_for(&scope.region, &caller).await?;
        Ok(Response::new(there.message(Some(&bindings))))
    }

    async fn batch_get_eips(
        &self,
        request: Request<api::BatchGetEipsRequest>,
    ) -> Answer<api::BatchGetEipsResponse> {
        let (caller, request) = Caller::read(request);
        let eips = self.batch_of_eips(&caller, &request.parent, &request.names).await?;
        Ok(Response::new(api::BatchGetEipsResponse { eips }))
    }

    async fn list_eips(&self, request: Request<api::ListEipsRequest>) -> Answer<api::ListEipsResponse> {
        let (caller, request) = Caller::read(request);
        let shows = if request.show_cooling { "cooling" } else { "" };
        let asked = page::Asked { shows, ..asked!(request) };
        let (eips, next_page_token) = self.eips(&caller, asked, request.show_cooling).await?;
        Ok(Response::new(api::ListEipsResponse { eips, next_page_token }))
    }

    async fn update_eip(&self, request: Request<api::UpdateEipRequest>) -> Answer<api::Eip> {
        let (caller, request) = Caller::open(request);
        let name = commands::set("eip", request.eip.as_ref()).map(|eip| eip.name.clone());
        let of = self.ledger_of::<id::Eip>(&caller, "eip.name", &name);
        let state = state_of(&of.as_ref().map(|(ledger, _)| *ledger));
        let command = commands::update_eip(&state, request).map(Command::UpdateEip);
        let ((ledger, scope), name, ()) =
            together((of, name, caller.request_id())).map_err(|wrong| also(wrong, &command))?;
        let outcome = ledger.submit_found(caller, command).await;
        let outcome = outcome.map_err(|missing| unless_cooling(missing, ledger, "eip.name", &name))?;
        let bindings = self.bindings(&scope.region).await?;
        if outcome.events.is_empty() {
            // It said all that already.
            let state = ledger.view().state;
            let entry = find::eip(&state, "eip.name", &name)?;
            return Ok(outcome.answer(answer::eip(&entry.facts, entry.at, bindings.of(&entry.facts.eip))));
        }
        answer!(outcome, Event::EipUpdated => |eip, at| answer::eip(&eip, at, bindings.of(&eip.eip)))
    }

    async fn release_eip(&self, request: Request<api::ReleaseEipRequest>) -> Answer<api::ReleaseEipResponse> {
        let (caller, request) = Caller::open(request);
        let scope = caller.scoped::<id::Eip>("name", &request.name);
        let ((), (scope, _)) = together((caller.request_id(), scope))?;
        let ledger = self.ledger("name", &scope.region)?;
        let expected = Expected(request.expected_revision);
        let named = find::named_eip(&ledger.view().state, "name", &request.name);
        let command = named.map(|name| {
            Command::ReleaseEip(ReleaseEip { scope: name.scope, id: name.id, expected, now: now() })
        });
        let outcome = ledger.submit_found(caller, command).await;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(refused) => {
                let refused = unless_cooling(refused, ledger, "name", &request.name);
                return Err(self.unless_under_way(refused, &scope.region).await);
            }
        };
        answer!(outcome, Event::EipReleased => |released, at| api::ReleaseEipResponse {
            position: at.position.0,
            cooling_ends_at: released.cooling_until.map_or(0, |until| until.0),
        })
    }

    async fn get_quotas(&self, request: Request<api::GetQuotasRequest>) -> Answer<api::Quotas> {
        let (caller, request) = Caller::read(request);
        let scope = commands::quotas_of(&caller, "name", &request.name)?;
        let state = self.ledger("name", &scope.region)?.view_for(&caller).await?.state;
        let (limits, at) = state.quotas().of(&scope);
        Ok(Response::new(answer::quotas(&scope, limits, at, state.usage(&scope))))
    }

    async fn update_quotas(&self, request: Request<api::UpdateQuotasRequest>) -> Answer<api::Quotas> {
        let (caller, request) = Caller::open(request);
        let command = commands::update_quotas(&caller, &request)?;
        let scope = command.scope.clone();
        let ledger = self.ledger("quotas.name", &scope.region)?;
        let outcome = ledger.submit(caller, Command::UpdateQuotas(command)).await?;
        let state = ledger.view().state;
        let usage = state.usage(&scope);
        if outcome.events.is_empty() {
            let (limits, at) = state.quotas().of(&scope);
            return Ok(outcome.answer(answer::quotas(&scope, limits, at, usage)));
        }
        answer!(outcome, Event::QuotasChanged => |changed, at| answer::quotas(&scope, changed.limits, at, usage))
    }
}
