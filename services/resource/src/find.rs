//! From the names in a request to the things they name: by id, by display name, and EIPs by address. Writes name things as
//! reads do: a retry with its request id says the same words, whatever they would mean by then.

use std::net::IpAddr;

use mooring_domain::{
    Rejection, Timestamp,
    event::{EipDescribed, SubnetCreated, VnicCreated},
    id::{Eip, Id, Kind, Pool, PoolId, Vnic, VnicId},
    name::{Label, Name, RegionId, Scope, parse_regional, parse_scoped},
    resource::{CoolingEip, Entry, Facts, State, Table},
};
use mooring_ledger::Refused;
use mooring_proto::{
    status::{bad_field, bad_name},
    together::each,
};
use tonic::Status;

use crate::commands::check_count;

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
        (Some(one), Some(other)) => Err(ambiguous(one, other, field, name)),
        (first, _) => Ok(first),
    }
}

fn ambiguous<F: Facts>(one: &Entry<F>, other: &Entry<F>, field: &'static str, name: &str) -> Rejection {
    let both = format!("{} and {}", one.facts.name(), other.facts.name());
    let message = format!("more than one {} is called {name}: {both}; use the id", F::Kind::WORD);
    Rejection::precondition("AMBIGUOUS_NAME", field, message).because_of(both)
}

/// The vNICs that are to be members of a HAVIP in `subnet`. Without one none is there, and only their names are looked at.
pub(crate) fn members(
    state: &State,
    subnet: Option<&SubnetCreated>,
    field: &'static str,
    names: &[String],
) -> Result<Vec<VnicId>, Status> {
    check_count(field, names)?;
    each(names.iter().map(|name| match subnet {
        Some(subnet) => member(state, subnet, field, name).map(|entry| entry.facts.vnic.id),
        None => in_scope(state.vnics(), None, field, name).map(|entry| entry.facts.vnic.id),
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
    let (scope, last) = parse_scoped::<Eip>(name).map_err(bad_name(field))?;
    match last.parse() {
        Ok(address) => Ok(eip_at(state, (&scope, address), field, name)?),
        Err(_) => Ok(by_last(state.eips(), &scope, last, field, name)?),
    }
}

/// An address means the EIP that has it, and never one that is called so: that was allowed once, and is looked for only to say
/// that there are two.
fn eip_at<'a>(
    state: &'a State,
    (scope, address): (&Scope, IpAddr),
    field: &'static str,
    name: &str,
) -> Result<&'a Entry<EipDescribed>, Refused> {
    let at_address = state.eip_at(address).filter(|entry| entry.facts.parent() == *scope);
    let label = address.to_string().parse::<Label>().ok();
    let mut called = label.iter().flat_map(|label| state.eips().named(scope, label));
    match (at_address, called.find(|entry| entry.facts.eip.address != address)) {
        (Some(one), None) => Ok(one),
        (Some(one), Some(other)) => Err(ambiguous(one, other, field, name).into()),
        (None, Some(other)) => Err(Rejection::not_found(field, name).because_of(other.facts.name()).into()),
        (None, None) => Err(Rejection::not_found(field, name).into()),
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

#[cfg(test)]
mod tests {
    use mooring_domain::{
        Actor, Commit, CommitPosition, Decider, Event, Position, Stream,
        event::{EipDetails, EipFacts},
        resource::ResourceCore,
    };
    use uuid::Uuid;

    use super::*;

    const SCOPE: &str = "projects/p1/regions/r1";

    fn allocated(number: u64, address: &str, label: &str) -> Commit {
        let eip = EipFacts {
            id: Id::new(Uuid::from_u128(number.into())),
            project: "p1".parse().unwrap(),
            region: "r1".parse().unwrap(),
            pool: Id::new(Uuid::nil()),
            address: address.parse().unwrap(),
            display_name: label.parse().unwrap(),
        };
        Commit {
            at: CommitPosition { position: Position(number), index: 0 },
            stream: Stream::Resource,
            recorded_at: Timestamp(number),
            actor: Actor("ann".into()),
            request_id: None,
            events: vec![Event::EipAllocated(EipDescribed { eip, details: EipDetails::default() })],
        }
    }

    /// What a log may have from before a display name could be no address.
    fn state() -> State {
        let mut state = State::default();
        let uuid = Uuid::from_u128(1).to_string();
        for (number, address, label) in [
            (1, "203.0.113.1", "203.0.113.1"),
            (2, "203.0.113.2", "203.0.113.1"),
            (3, "203.0.113.3", "203.0.113.9"),
            (4, "203.0.113.4", &uuid),
            (5, "203.0.113.5", "203.0.113.5"),
        ] {
            ResourceCore::evolve(&mut state, &allocated(number, address, label));
        }
        state
    }

    #[test]
    fn an_address_or_an_id_is_never_what_another_eip_is_called() {
        let state = state();
        let found = |last: &str| {
            let found = eip(&state, "name", &format!("{SCOPE}/eips/{last}"));
            let found = found.map(|entry| entry.facts.eip.address.to_string());
            found.map_err(|status| (status.code(), status.message().to_owned()))
        };
        assert_eq!(found("203.0.113.2").as_deref(), Ok("203.0.113.2"));
        assert_eq!(found("203.0.113.5").as_deref(), Ok("203.0.113.5"), "its own address is its name, too");
        assert_eq!(found(&Uuid::from_u128(1).to_string()).as_deref(), Ok("203.0.113.1"));
        assert_eq!(found("203.0.113.9").unwrap_err().0, tonic::Code::NotFound);
        let (code, message) = found("203.0.113.1").unwrap_err();
        assert_eq!(code, tonic::Code::FailedPrecondition);
        assert!(
            message.contains("more than one EIP is called") && message.contains("use the id"),
            "{message}"
        );
    }
}
