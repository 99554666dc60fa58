//! From the names in a request to the things they name: by id, by display name, and EIPs by address. Writes name things as
//! reads do: a retry with its request id says the same words, whatever they would mean by then.

use mooring_domain::{
    Rejection, Timestamp,
    event::{EipDescribed, SubnetCreated, VnicCreated},
    id::{Eip, Id, Kind, Pool, PoolId, Vnic, VnicId},
    name::{Label, Name, RegionId, Scope, parse_regional, parse_scoped},
    resource::{CoolingEip, Entry, Facts, State, Table},
};
use mooring_ledger::Refused;
use mooring_proto::status::{bad_field, bad_name};
use tonic::Status;

/// The thing that the last part of a name stands for.
fn by_last<'a, F: Facts>(
    table: &'a Table<F>,
    parent: &F::Parent,
    last: &str,
    field: &'static str,
    name: &str,
) -> Result<&'a Entry<F>, Refused> {
    let found = match last.parse::<Id<F::Kind>>() {
        Ok(id) => table.get_in(parent, id),
        Err(_) => match last.parse::<Label>() {
            Ok(label) => only(table.named(parent, &label), field, name)?,
            Err(_) => None,
        },
    };
    found.ok_or_else(|| Rejection::not_found(field, name).into())
}

fn only<'a, F: Facts + 'a>(
    mut found: impl Iterator<Item = &'a Entry<F>>,
    field: &'static str,
    name: &str,
) -> Result<Option<&'a Entry<F>>, Rejection> {
    match (found.next(), found.next()) {
        (Some(one), Some(other)) => {
            let both = format!("{} and {}", one.facts.name(), other.facts.name());
            let message = format!("more than one {} is called {name}: {both}; use the id", F::Kind::WORD);
            Err(Rejection::precondition("AMBIGUOUS_NAME", field, message).because_of(both))
        }
        (first, _) => Ok(first),
    }
}

/// The vNICs that are to be members of a HAVIP in `subnet`.
pub(crate) fn members(
    state: &State,
    subnet: &SubnetCreated,
    field: &'static str,
    names: &[String],
) -> Result<Vec<VnicId>, Status> {
    let member = |name: &String| member(state, subnet, field, name);
    names.iter().map(|name| member(name).map(|entry| entry.facts.vnic.id)).collect()
}

/// A vNIC that is to be a member of a HAVIP in `subnet`. An instance is unique in its subnet only, so its name means the
/// one there; where there is none but elsewhere, that one is given, for the core to say that it can't be a member.
fn member<'a>(
    state: &'a State,
    subnet: &SubnetCreated,
    field: &'static str,
    name: &str,
) -> Result<&'a Entry<VnicCreated>, Status> {
    let scope = subnet.parent();
    let (named, last) = parse_scoped::<Vnic>(name).map_err(bad_name(field))?;
    let instance = last.parse::<Label>().ok().filter(|_| named == scope && last.parse::<VnicId>().is_err());
    let of_subnet = instance.and_then(|instance| {
        let mut found = state.vnics().named(&scope, &instance);
        found.find(|entry| entry.facts.subnet == subnet.id)
    });
    of_subnet.map_or_else(|| in_scope(state.vnics(), &scope, field, name), Ok)
}

/// What a write names: an id as it is, for the core to say whether it is there; else as a read would find it.
pub(crate) fn named<F: Facts<Parent = Scope>>(
    table: &Table<F>,
    field: &'static str,
    name: &str,
) -> Result<Name<F::Kind>, Status> {
    let (scope, last) = parse_scoped::<F::Kind>(name).map_err(bad_name(field))?;
    let id = match last.parse() {
        Ok(id) => id,
        Err(_) => by_last(table, &scope, last, field, name)?.facts.id(),
    };
    Ok(Name { scope, id })
}

/// The same of an EIP, which may be named by its address.
pub(crate) fn named_eip(state: &State, field: &'static str, name: &str) -> Result<Name<Eip>, Status> {
    let (scope, last) = parse_scoped::<Eip>(name).map_err(bad_name(field))?;
    let id = match last.parse() {
        Ok(id) => id,
        Err(_) => eip(state, field, name)?.facts.id(),
    };
    Ok(Name { scope, id })
}

/// The same of a pool.
pub(crate) fn named_pool(state: &State, field: &'static str, name: &str) -> Result<PoolId, Status> {
    let (region, last) = parse_regional(name, Pool::COLLECTION).map_err(bad_name(field))?;
    match last.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(by_last(state.pools(), &region, last, field, name)?.facts.id()),
    }
}

/// A project's thing, and its scope.
pub(crate) fn scoped<'a, F: Facts<Parent = Scope>>(
    table: &'a Table<F>,
    field: &'static str,
    name: &str,
) -> Result<&'a Entry<F>, Status> {
    let (scope, last) = parse_scoped::<F::Kind>(name).map_err(bad_name(field))?;
    Ok(by_last(table, &scope, last, field, name)?)
}

/// A project's thing that must be in `scope`, because what refers to it is. Whether another scope has it, is not said.
pub(crate) fn in_scope<'a, F: Facts<Parent = Scope>>(
    table: &'a Table<F>,
    scope: &Scope,
    field: &'static str,
    name: &str,
) -> Result<&'a Entry<F>, Status> {
    let (named, last) = parse_scoped::<F::Kind>(name).map_err(bad_name(field))?;
    if named != *scope {
        return Err(Refused::from(Rejection::not_found(field, name)).into());
    }
    Ok(by_last(table, scope, last, field, name)?)
}

/// The operator's thing, which must be in `region` if given: what refers to it is there.
pub(crate) fn regional<'a, F: Facts<Parent = RegionId>>(
    table: &'a Table<F>,
    region: Option<&RegionId>,
    field: &'static str,
    name: &str,
) -> Result<&'a Entry<F>, Status> {
    let (named, last) = parse_regional(name, F::Kind::COLLECTION).map_err(bad_name(field))?;
    match region.filter(|region| **region != named) {
        Some(region) => Err(bad_field(field, format!("must be in region {region}"))),
        None => Ok(by_last(table, &named, last, field, name)?),
    }
}

/// An EIP: also by its address.
pub(crate) fn eip<'a>(
    state: &'a State,
    field: &'static str,
    name: &str,
) -> Result<&'a Entry<EipDescribed>, Status> {
    let (scope, last) = parse_scoped::<Eip>(name).map_err(bad_name(field))?;
    let at_address = last.parse().ok().and_then(|address| state.eip_at(address));
    match at_address.filter(|entry| entry.facts.parent() == scope) {
        Some(entry) => Ok(entry),
        None => Ok(by_last(state.eips(), &scope, last, field, name)?),
    }
}

/// An EIP that was released, while its address cools: by its id, its address, or what it was called; of several the last one.
pub(crate) fn cooling<'a>(state: &'a State, name: &str, now: Timestamp) -> Option<&'a Entry<CoolingEip>> {
    let (scope, last) = parse_scoped::<Eip>(name).ok()?;
    let (cooling, eips) = (state.cooling(), state.cooling().eips());
    let is_cooling = |entry: &&Entry<CoolingEip>| entry.facts.until > now && entry.facts.parent() == scope;
    let by_id = last.parse().ok().and_then(|id| eips.get(id));
    let by_address = || last.parse().ok().and_then(|address| cooling.at(address, now));
    let by_name =
        || last.parse().ok().and_then(|label: Label| eips.named(&scope, &label).filter(is_cooling).last());
    by_id.filter(is_cooling).or_else(|| by_address().filter(is_cooling)).or_else(by_name)
}
