//! From the names in a request to the things they name: by id, by display name, and EIPs by address.

use mooring_domain::{
    Rejection, Timestamp,
    event::{EipDescribed, SubnetCreated, VnicCreated},
    id::{Id, Kind, Vnic, VnicId},
    name::{Label, RegionId, Scope, parse_regional, parse_scoped},
    resource::{CoolingEip, Entry, Facts, State, Table},
};
use mooring_ledger::Refused;
use mooring_proto::{
    status::{bad_field, bad_name},
    together::each,
};
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

/// The vNICs that are to be members of a HAVIP in `subnet`. Without one none is there, and only their names are looked at.
pub(crate) fn members(
    state: &State,
    subnet: Option<&SubnetCreated>,
    names: &[String],
) -> Result<Vec<VnicId>, Status> {
    const FIELD: &str = "havip.members";
    each(names.iter().map(|name| match subnet {
        Some(subnet) => member(state, subnet, FIELD, name).map(|entry| entry.facts.vnic.id),
        None => in_scope(state.vnics(), None, FIELD, name).map(|entry| entry.facts.vnic.id),
    }))
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
    of_subnet.map_or_else(|| in_scope(state.vnics(), Some(&scope), field, name), Ok)
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

/// A project's thing that must be in `scope`, because what refers to it is. Whether another scope has it, is not said. In no scope
/// nothing is.
pub(crate) fn in_scope<'a, F: Facts<Parent = Scope>>(
    table: &'a Table<F>,
    scope: Option<&Scope>,
    field: &'static str,
    name: &str,
) -> Result<&'a Entry<F>, Status> {
    let (named, last) = parse_scoped::<F::Kind>(name).map_err(bad_name(field))?;
    match scope.filter(|scope| **scope == named) {
        Some(scope) => Ok(by_last(table, scope, last, field, name)?),
        None => Err(Refused::from(Rejection::not_found(field, name)).into()),
    }
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
    let (scope, last) = parse_scoped::<mooring_domain::id::Eip>(name).map_err(bad_name(field))?;
    let at_address = last.parse().ok().and_then(|address| state.eip_at(address));
    match at_address.filter(|entry| entry.facts.parent() == scope) {
        Some(entry) => Ok(entry),
        None => Ok(by_last(state.eips(), &scope, last, field, name)?),
    }
}

/// An EIP that was released, while its address cools: by its id, its address, or what it was called; of several the last one.
pub(crate) fn cooling<'a>(state: &'a State, name: &str, now: Timestamp) -> Option<&'a Entry<CoolingEip>> {
    let (scope, last) = parse_scoped::<mooring_domain::id::Eip>(name).ok()?;
    let (cooling, eips) = (state.cooling(), state.cooling().eips());
    let is_cooling = |entry: &&Entry<CoolingEip>| entry.facts.until > now && entry.facts.parent() == scope;
    let by_id = last.parse().ok().and_then(|id| eips.get(id));
    let by_address = || last.parse().ok().and_then(|address| cooling.at(address, now));
    let by_name =
        || last.parse().ok().and_then(|label: Label| eips.named(&scope, &label).filter(is_cooling).last());
    by_id.filter(is_cooling).or_else(|| by_address().filter(is_cooling)).or_else(by_name)
}
