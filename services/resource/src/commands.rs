//! From the API's requests to commands: shapes are checked here, rules in the core.

use std::{collections::BTreeMap, fmt::Display, net::IpAddr, str::FromStr, time::Duration};

use ipnet::IpNet;
use mooring_domain::{
    Expected, address,
    event::{Damping, EipDetails, HolderRules},
    id::{self, Id, Kind, VnicId},
    labels::Labels,
    name::{Name, RegionId, Scope, parse_region},
    resource::{
        AllocateEip, Command, CreateHavip, CreatePool, CreateSubnet, CreateVnic, CreateVpc, DEFAULT_COOLING,
        Edit, HavipChange, State, UpdateEip, UpdateHavip, UpdateQuotas,
    },
};
use mooring_ledger::{Caller, Refused, now};
use mooring_proto::{
    mask::Mask,
    resource::v1::{self as api, havip::ClaimPolicy},
    status::{Unserved, bad_field, bad_name},
    together::{also, each, together},
};
use tonic::Status;
use uuid::Uuid;

use crate::find;

fn new_id<K: Kind>() -> Id<K> {
    Id::new(Uuid::now_v7())
}

pub(crate) fn set<T>(field: &'static str, value: Option<T>) -> Result<T, Status> {
    value.ok_or_else(|| bad_field(field, "must be set"))
}

/// At most so many are said in one list that is compared with what is there: others wait while that is decided. (A pool's blocks
/// are the operator's, and as many as a record holds.)
const MOST: usize = 1000;

/// Refuses a list that is too long to be looked at.
pub(crate) fn check_count(field: &'static str, list: &[String]) -> Result<(), Status> {
    match list.len() {
        ..=MOST => Ok(()),
        count => Err(bad_field(field, format!("{count} are too many, {MOST} at most in one request"))),
    }
}

/// Blocks that are compared with those that there are.
pub(crate) fn few_blocks(field: &'static str, texts: &[String]) -> Result<Vec<IpNet>, Status> {
    check_count(field, texts)?;
    blocks(field, texts)
}

/// Blocks of addresses.
pub(crate) fn blocks(field: &'static str, texts: &[String]) -> Result<Vec<IpNet>, Status> {
    each(texts.iter().map(|text| block(field, text)))
}

/// A block of addresses.
fn block(field: &'static str, text: &str) -> Result<IpNet, Status> {
    address::block(text).map_err(|error| bad_field(field, format!("{text:?}: {error}")))
}

/// Text with a shape.
pub(crate) fn text<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T, Status> {
    text.parse().map_err(|error: T::Err| bad_field(field, format!("{text:?}: {error}")))
}

/// The same, where empty means that the server chooses.
fn optional<T: FromStr<Err: Display>>(field: &'static str, from: &str) -> Result<Option<T>, Status> {
    if from.is_empty() { Ok(None) } else { text(field, from).map(Some) }
}

pub(crate) fn region(field: &'static str, parent: &str) -> Result<RegionId, Status> {
    parse_region(parent).map_err(bad_name(field))
}

pub(crate) fn create_pool(
    region: Result<RegionId, Status>,
    pool: Option<api::Pool>,
) -> Result<Command, Status> {
    let pool = set("pool", pool).map_err(|unset| also(unset, &region))?;
    let (region, display_name, cidrs) =
        together((region, text("pool.display_name", &pool.display_name), blocks("pool.cidrs", &pool.cidrs)))?;
    let cooling = pool.cooling_ms.map_or(DEFAULT_COOLING, Duration::from_millis);
    Ok(Command::CreatePool(CreatePool { id: new_id(), region, display_name, cidrs, cooling }))
}

pub(crate) fn create_vpc(scope: Result<Scope, Status>, vpc: Option<api::Vpc>) -> Result<Command, Status> {
    let display_name = set("vpc", vpc).and_then(|vpc| text("vpc.display_name", &vpc.display_name));
    let (scope, display_name) = together((scope, display_name))?;
    Ok(Command::CreateVpc(CreateVpc { id: new_id(), scope, display_name }))
}

pub(crate) fn create_subnet(
    state: &State,
    scope: Result<Scope, Status>,
    subnet: Option<api::Subnet>,
) -> Result<Command, Status> {
    let subnet = set("subnet", subnet).map_err(|unset| also(unset, &scope))?;
    let vpc = find::in_scope(state.vpcs(), scope.as_ref().ok(), "subnet.vpc", &subnet.vpc);
    let (scope, display_name, cidr, gateway_address, reserved, vpc) = together((
        scope,
        text("subnet.display_name", &subnet.display_name),
        block("subnet.cidr", &subnet.cidr),
        optional("subnet.gateway_address", &subnet.gateway_address),
        few_blocks("subnet.reserved", &subnet.reserved),
        vpc.map(|vpc| vpc.facts.id),
    ))?;
    let id = new_id();
    Ok(Command::CreateSubnet(CreateSubnet { id, scope, display_name, vpc, cidr, gateway_address, reserved }))
}

pub(crate) fn create_vnic(
    state: &State,
    scope: Result<Scope, Status>,
    vnic: Option<api::Vnic>,
) -> Result<Command, Status> {
    let vnic = set("vnic", vnic).map_err(|unset| also(unset, &scope))?;
    let subnet = find::in_scope(state.subnets(), scope.as_ref().ok(), "vnic.subnet", &vnic.subnet);
    let (scope, instance, mac, address, subnet) = together((
        scope,
        text("vnic.instance", &vnic.instance),
        text("vnic.mac", &vnic.mac),
        text("vnic.address", &vnic.address),
        subnet.map(|subnet| subnet.facts.id),
    ))?;
    Ok(Command::CreateVnic(CreateVnic { id: new_id(), scope, instance, subnet, mac, address }))
}

/// Labels with their shapes.
pub(crate) fn labels(field: &'static str, from: BTreeMap<String, String>) -> Result<Labels, Status> {
    Labels::new(from).map_err(|error| bad_field(field, error))
}

/// Whether any vNIC of the subnet may claim it.
fn claim_policy(number: i32) -> Result<bool, Status> {
    match ClaimPolicy::try_from(number) {
        Ok(ClaimPolicy::Unspecified | ClaimPolicy::Members) => Ok(false),
        Ok(ClaimPolicy::Subnet) => Ok(true),
        Err(_) => Err(bad_field("havip.claim_policy", format!("{number} is none; MEMBERS or SUBNET"))),
    }
}

fn damping(damping: api::Damping) -> Damping {
    Damping { step: Duration::from_millis(damping.step_ms), cap: Duration::from_millis(damping.cap_ms) }
}

pub(crate) fn create_havip(
    state: &State,
    scope: Result<Scope, Status>,
    havip: Option<api::Havip>,
) -> Result<Command, Status> {
    let havip = set("havip", havip).map_err(|unset| also(unset, &scope))?;
    let subnet = find::in_scope(state.subnets(), scope.as_ref().ok(), "havip.subnet", &havip.subnet);
    let subnet = subnet.map(|subnet| &subnet.facts);
    let members = find::members(state, subnet.as_ref().ok().copied(), "havip.members", &havip.members);
    let (scope, display_name, subnet, address, members, whole_subnet) = together((
        scope,
        text("havip.display_name", &havip.display_name),
        subnet,
        optional::<IpAddr>("havip.address", &havip.address),
        members,
        claim_policy(havip.claim_policy),
    ))?;
    let damping = havip.damping.map(damping).unwrap_or_default();
    let rules = HolderRules { whole_subnet, damping, announce: havip.announce };
    let (id, subnet) = (new_id(), subnet.id);
    Ok(Command::CreateHavip(CreateHavip { id, scope, display_name, subnet, address, members, rules }))
}

/// What may change of a HAVIP.
const OF_A_HAVIP: [&str; 5] = ["display_name", "members", "claim_policy", "damping", "announce"];

pub(crate) fn update_havip(state: &State, request: api::UpdateHavipRequest) -> Result<Command, Status> {
    let mask = Mask::parse(request.update_mask.as_ref(), &OF_A_HAVIP);
    let havip = set("havip", request.havip).map_err(|unset| also(unset, &mask))?;
    let name = find::named(state.havips(), "havip.name", &havip.name);
    let api::Havip { display_name, members, claim_policy: policy, damping: damped, announce, .. } = havip;
    let changes = mask.as_ref().unwrap_or(&Mask::Set);
    let label =
        changes.value("display_name", !display_name.is_empty(), || text("havip.display_name", &display_name));
    let of = |field, members: &[String]| members_of(state, name.as_ref().ok(), field, members);
    let member_ids = changes.value("members", !members.is_empty(), || of("havip.members", &members));
    let (added, removed) =
        (of("add_members", &request.add_members), of("remove_members", &request.remove_members));
    let whole_subnet = changes.value("claim_policy", policy != 0, || claim_policy(policy));
    let damping =
        changes.value("damping", damped.is_some(), || Ok(damped.map(damping).unwrap_or_default()))?;
    let announce = changes.value("announce", announce, || Ok(announce))?;
    let (_, name, display_name, members, added, removed, whole_subnet) =
        together((mask, name, label, member_ids, added, removed, whole_subnet))?;
    let members_edit = Edit { added, removed };
    let change = HavipChange { display_name, members, members_edit, whole_subnet, damping, announce };
    let expected = Expected(request.expected_revision);
    Ok(Command::UpdateHavip(UpdateHavip { scope: name.scope, id: name.id, expected, change }))
}

/// An instance's name counts in the HAVIP's subnet.
fn members_of(
    state: &State,
    name: Option<&Name<id::Havip>>,
    field: &'static str,
    members: &[String],
) -> Result<Vec<VnicId>, Status> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let Some(name) = name else { return find::members(state, None, field, members) };
    let havip = find::scoped(state.havips(), "havip.name", &name.to_string());
    let havip = havip.map_err(|missing| also(missing, &find::members(state, None, field, members)))?;
    let subnet = state.subnets().get(havip.facts.havip.subnet).map(|entry| &entry.facts);
    let subnet = subnet.ok_or(Refused::Unserved(Unserved::Unavailable))?;
    find::members(state, Some(subnet), field, members)
}

pub(crate) fn allocate_eip(
    state: &State,
    scope: Result<Scope, Status>,
    eip: Option<api::Eip>,
) -> Result<Command, Status> {
    let eip = eip.unwrap_or_default();
    let pool = match eip.pool.as_str() {
        "" => Ok(None),
        name => {
            let region = scope.as_ref().ok().map(|scope| &scope.region);
            find::regional(state.pools(), region, "eip.pool", name).map(|pool| Some(pool.facts.id))
        }
    };
    let (scope, display_name, address, pool, description, labels) = together((
        scope,
        optional("eip.display_name", &eip.display_name),
        optional::<IpAddr>("eip.address", &eip.address),
        pool,
        text("eip.description", &eip.description),
        labels("eip.labels", eip.labels),
    ))?;
    let details = EipDetails { description, labels, delete_protection: eip.delete_protection };
    let (id, now) = (new_id(), now());
    Ok(Command::AllocateEip(AllocateEip { id, scope, display_name, address, pool, details, now }))
}

pub(crate) fn update_eip(state: &State, request: api::UpdateEipRequest) -> Result<UpdateEip, Status> {
    const MUTABLE: [&str; 4] = ["display_name", "description", "labels", "delete_protection"];
    let mask = Mask::parse(request.update_mask.as_ref(), &MUTABLE);
    let eip = set("eip", request.eip).map_err(|unset| also(unset, &mask))?;
    let named = find::named_eip(state, "eip.name", &eip.name);
    let changes = mask.as_ref().unwrap_or(&Mask::Set);
    let (name, said) = (&eip.display_name, &eip.description);
    let label = changes.value("display_name", !name.is_empty(), || optional("eip.display_name", name));
    let described = changes.value("description", !said.is_empty(), || text("eip.description", said));
    let protected = changes.value("delete_protection", eip.delete_protection, || Ok(eip.delete_protection));
    let labelled =
        changes.value("labels", !eip.labels.is_empty(), || labels("eip.labels", eip.labels.clone()));
    let (_, Name { scope, id }, display_name, description, delete_protection, labels) =
        together((mask, named, label, described, protected, labelled))?;
    let expected = Expected(request.expected_revision);
    Ok(UpdateEip { scope, id, display_name, description, labels, delete_protection, expected })
}

/// `{scope}/quotas`.
pub(crate) fn quotas_of(caller: &Caller, field: &'static str, name: &str) -> Result<Scope, Status> {
    let scope = name.strip_suffix("/quotas").filter(|scope| scope.parse::<Scope>().is_ok());
    let scope =
        scope.ok_or_else(|| bad_field(field, "expected projects/{project}/regions/{region}/quotas"))?;
    caller.scope(field, scope)
}

pub(crate) fn update_quotas(
    caller: &Caller,
    request: &api::UpdateQuotasRequest,
) -> Result<UpdateQuotas, Status> {
    const MUTABLE: [&str; 4] = ["eips", "havips_per_vpc", "havips_per_instance", "members_per_havip"];
    let mask = together((caller.request_id(), Mask::parse(request.update_mask.as_ref(), &MUTABLE)));
    let quotas = set("quotas", request.quotas.as_ref()).map_err(|unset| also(unset, &mask))?;
    let changes = mask.as_ref().map_or(&Mask::Set, |(_, mask)| mask);
    let limit = |field: &'static str, quota: &Option<api::Quota>| {
        let missing = || bad_field("quotas", format!("{field} must be set to be changed"));
        changes.value(field, quota.is_some(), || quota.as_ref().map(|quota| quota.limit).ok_or_else(missing))
    };
    let limits = (
        limit("eips", &quotas.eips),
        limit("havips_per_vpc", &quotas.havips_per_vpc),
        limit("havips_per_instance", &quotas.havips_per_instance),
        limit("members_per_havip", &quotas.members_per_havip),
    );
    let scope = quotas_of(caller, "quotas.name", &quotas.name);
    let (_, scope, (eips, havips_per_vpc, havips_per_instance, members_per_havip)) =
        together((mask, scope, together(limits)))?;
    let expected = Expected(request.expected_revision);
    Ok(UpdateQuotas { scope, eips, havips_per_vpc, havips_per_instance, members_per_havip, expected })
}
