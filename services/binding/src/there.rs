//! Whether what a bind or a move names is there, asked of resource before anything is stored: who names what isn't theirs
//! leaves no binding behind. While resource is away the request is stored, and decided on when it is back.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mooring_domain::{
    Rejection, Timestamp,
    binding::check_families,
    id::{self, Kind},
    name::{Name, ProjectId},
    resource::is_cooling,
};
use mooring_ledger::Refused;
use mooring_proto::resource::v1::{
    Eip, GetEipRequest, eip::State, resource_service_client::ResourceServiceClient,
};
use mooring_runtime::peer::{Peer, Within};
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::resource::{Pair, Resource};

/// How long a request waits for resource before it is stored all the same.
const PATIENCE: Duration = Duration::from_secs(1);
/// So many things are remembered to be there; then all are asked for again.
const MOST: usize = 100_000;

/// What names stand in a request.
pub(crate) type Names<'a> = (&'a Name<id::Eip>, &'a Name<id::Havip>);

/// The way to what resource has. Clones share what it said.
#[derive(Clone)]
pub(crate) struct There {
    resource: Peer,
    /// EIPs and HAVIPs that were there, each with its project: binding them again costs no question.
    seen: Arc<Mutex<HashSet<(ProjectId, Uuid)>>>,
}

impl There {
    pub(crate) fn new(resource: Peer) -> Self {
        Self { resource, seen: Arc::default() }
    }

    /// Refuses a pair of which resource does not have both, or that can't be one.
    pub(crate) async fn check(&self, names: Names<'_>, pair: &Pair) -> Result<(), Status> {
        if things(pair).iter().all(|thing| self.seen().contains(thing)) {
            return Ok(());
        }
        let resource = Resource::new(self.resource.clone(), names.1.scope.region.clone());
        match resource.validate_hold_within(pair, PATIENCE).await {
            Ok(Err(refusal)) if refusal.reason == "NOT_FOUND" => {
                Err(self.missing(&refusal.message, names).await)
            }
            Ok(held) => {
                if let Ok((eip, havip)) = held {
                    check_families(eip.address, havip.address).map_err(Refused::from)?;
                }
                let mut seen = self.seen();
                if seen.len() >= MOST {
                    seen.clear();
                }
                seen.extend(things(pair));
                Ok(())
            }
            // It is away, or has not opened its log: the process manager asks again.
            Err(_) => Ok(()),
        }
    }

    /// One of the two is gone.
    pub(crate) fn forget(&self, pair: &Pair) {
        let mut seen = self.seen();
        for thing in things(pair) {
            seen.remove(&thing);
        }
    }

    /// What resource does not find, in the words for whatever is not there, so that nobody learns from them what else may be.
    pub(crate) async fn missing(&self, message: &str, (eip, havip): Names<'_>) -> Status {
        if message.starts_with(id::Havip::WORD) {
            return Refused::from(Rejection::not_found("havip", havip)).into();
        }
        let missing = || Refused::from(Rejection::not_found("eip", eip)).into();
        self.check_eip(eip).await.err().unwrap_or_else(missing)
    }

    /// Refuses an EIP that its project does not have, or gave back.
    pub(crate) async fn check_eip(&self, eip: &Name<id::Eip>) -> Result<(), Status> {
        let mut request = Request::new(GetEipRequest { name: eip.to_string() });
        request.extensions_mut().insert(Within(PATIENCE));
        match ResourceServiceClient::new(self.resource.clone()).get_eip(request).await {
            Ok(found) => check_kept(eip, found.get_ref()),
            Err(status) if status.code() == Code::NotFound => {
                Err(Refused::from(Rejection::not_found("eip", eip)).into())
            }
            Err(_) => Ok(()),
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashSet<(ProjectId, Uuid)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses an EIP that is there only to be read.
pub(crate) fn check_kept(name: impl fmt::Display, eip: &Eip) -> Result<(), Status> {
    match eip.state() {
        State::Cooling => {
            let until = Timestamp(eip.cooling_ends_at);
            Err(Refused::from(is_cooling("eip", name, &eip.address, until)).into())
        }
        _ => Ok(()),
    }
}

fn things(pair: &Pair) -> [(ProjectId, Uuid); 2] {
    [(pair.project.clone(), pair.eip.uuid()), (pair.project.clone(), pair.havip.uuid())]
}
