//! What exists, read: one thing, several, or a page of a list.

use std::{iter::Peekable, sync::Arc};

use mooring_domain::{
    binding::Fronting,
    event::{EipDescribed, HavipCreated},
    id::{Eip, Havip, Id, Kind},
    name::{RegionId, Scope},
    resource::{CoolingEip, Entry, Facts, State, Table},
};
use mooring_ledger::{Caller, Refused, now};
use mooring_proto::{
    answer::resource as answer,
    filter::Fields,
    page,
    resource::v1 as api,
    status::Unserved,
    together::{each, together},
};
use tonic::Status;

use crate::{find, grpc::Resource};

/// An EIP that is there for its project, or was.
pub(crate) enum ThereOrCooling<'a> {
    There(&'a Entry<EipDescribed>),
    Cooling(&'a Entry<CoolingEip>),
}

impl ThereOrCooling<'_> {
    fn id(&self) -> Id<Eip> {
        match self {
            Self::There(entry) => entry.facts.id(),
            Self::Cooling(entry) => entry.facts.id(),
        }
    }

    pub(crate) fn message(&self, bindings: Option<&Fronting>) -> api::Eip {
        match self {
            Self::There(entry) => {
                let fronts = bindings.and_then(|bindings| bindings.of(&entry.facts.eip));
                answer::eip(&entry.facts, entry.at, fronts)
            }
            Self::Cooling(entry) => answer::of(entry, answer::cooling_eip),
        }
    }
}

/// The EIP of this name; what was released is there while it cools.
pub(crate) fn eip_or_cooling<'a>(
    state: &'a State,
    field: &'static str,
    name: &str,
) -> Result<ThereOrCooling<'a>, Status> {
    match (find::eip(state, field, name), find::cooling(state, name, now())) {
        (Err(_), Some(cooling)) => Ok(ThereOrCooling::Cooling(cooling)),
        (found, _) => found.map(ThereOrCooling::There),
    }
}

/// A HAVIP, and what holds it.
pub(crate) fn havip(entry: &Entry<HavipCreated>, state: &State) -> api::Havip {
    answer::havip(&entry.facts, entry.at, state.havip_held_by(entry.facts.havip.id))
}

/// Two lists in the order of their ids, as one.
fn merged<'a, A, B>(there: A, cooling: B) -> impl Iterator<Item = ThereOrCooling<'a>>
where
    A: Iterator<Item = ThereOrCooling<'a>>,
    B: Iterator<Item = ThereOrCooling<'a>>,
{
    let (mut there, mut cooling): (Peekable<A>, Peekable<B>) = (there.peekable(), cooling.peekable());
    std::iter::from_fn(move || match (there.peek(), cooling.peek()) {
        (Some(one), Some(other)) if other.id() < one.id() => cooling.next(),
        (Some(_), _) => there.next(),
        (None, _) => cooling.next(),
    })
}

impl Resource {
    /// The region's state, for the thing that `name` names.
    pub(crate) async fn state_of<F: Facts<Parent = Scope>>(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Arc<State>, Status> {
        let (scope, _) = caller.scoped::<F::Kind>("name", name)?;
        Ok(self.ledger("name", &scope.region)?.view_for(caller).await?.state)
    }

    /// What binding has decided, with at least what the caller has seen of it.
    pub(crate) async fn bindings_for(
        &self,
        region: &RegionId,
        caller: &Caller,
    ) -> Result<Arc<Fronting>, Status> {
        let reader = self.bindings.get(region).ok_or(Refused::Unserved(Unserved::Unavailable))?;
        reader.view_for(caller).await?;
        self.bindings(region).await
    }

    /// One page of a project's things.
    pub(crate) async fn list<F: Facts<Parent = Scope>, M: Fields>(
        &self,
        caller: &Caller,
        asked: page::Asked<'_>,
        table: impl Fn(&State) -> &Table<F>,
        message: impl Fn(&Entry<F>, &State) -> M,
    ) -> Result<(Vec<M>, String), Status> {
        let (scope, page) = together((caller.scope("parent", asked.parent), page::parse::<_, M>(asked)))?;
        let state = self.ledger("parent", &scope.region)?.view_for(caller).await?.state;
        let entries = table(&state).list(&scope, page.after);
        page.take(entries, |entry| entry.facts.id(), |entry| message(entry, &state))
    }

    /// One page of a project's EIPs, of those too that cool if `cooling` says so.
    pub(crate) async fn eips(
        &self,
        caller: &Caller,
        asked: page::Asked<'_>,
        cooling: bool,
    ) -> Result<(Vec<api::Eip>, String), Status> {
        let (scope, page) =
            together((caller.scope("parent", asked.parent), page::parse::<_, api::Eip>(asked)))?;
        let state = self.ledger("parent", &scope.region)?.view_for(caller).await?.state;
        let bindings = self.bindings_for(&scope.region, caller).await?;
        let now = now();
        let there = state.eips().list(&scope, page.after).map(ThereOrCooling::There);
        let released = state.cooling().eips().list(&scope, page.after);
        let released = released.filter(|entry| cooling && entry.facts.until > now);
        let eips = merged(there, released.map(ThereOrCooling::Cooling));
        page.take(eips, ThereOrCooling::id, |eip| eip.message(Some(&bindings)))
    }

    /// Several EIPs, or none.
    pub(crate) async fn batch_of_eips(
        &self,
        caller: &Caller,
        parent: &str,
        names: &[String],
    ) -> Result<Vec<api::Eip>, Status> {
        let scope = checked::<Eip>(caller, parent, names)?;
        let state = self.ledger("parent", &scope.region)?.view_for(caller).await?.state;
        let bindings = self.bindings_for(&scope.region, caller).await?;
        let one = |name: &String| Ok(eip_or_cooling(&state, "names", name)?.message(Some(&bindings)));
        names.iter().map(one).collect()
    }

    /// Several HAVIPs, or none.
    pub(crate) async fn batch_of_havips(
        &self,
        caller: &Caller,
        parent: &str,
        names: &[String],
    ) -> Result<Vec<api::Havip>, Status> {
        let scope = checked::<Havip>(caller, parent, names)?;
        let state = self.ledger("parent", &scope.region)?.view_for(caller).await?.state;
        let one = |name: &String| Ok(havip(find::scoped(state.havips(), "names", name)?, &state));
        names.iter().map(one).collect()
    }
}

/// The scope that all names of a batch are in.
fn checked<K: Kind>(caller: &Caller, parent: &str, names: &[String]) -> Result<Scope, Status> {
    let scopes = || each(names.iter().map(|name| Ok(caller.scoped::<K>("names", name)?.0)));
    let names_of = page::batch(names).and_then(|_| scopes());
    let (scope, scopes) = together((caller.scope("parent", parent), names_of))?;
    each(names.iter().zip(scopes).map(|(name, of)| page::in_parent(&scope, &of, name)))?;
    Ok(scope)
}
