//! From the API's requests to commands: shapes are checked here, rules in the core.

use std::{collections::BTreeMap, fmt::Display, net::IpAddr, str::FromStr, time::Duration};

use mooring_domain::{
    Expected,
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
};
use tonic::Status;
use uuid::Uuid;

use crate::{find, subnets};

fn new_id<K: Kind>() -> Id<K> {
    Id::new(Uuid::now_v7())
}

pub(crate) fn set<T>(field: &'static str, value: Option<T>) -> Result<T, Status> {
    value.ok_or_else(|| bad_field(field, "must be set"))
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

pub(crate) fn create_pool(region: RegionId, pool: Option<api::Pool>) -> Result<Command, Status> {
    let pool = set("pool", pool)?;
    let cidrs = pool.cidrs.iter().map(|cidr| text("pool.cidrs", cidr)).collect::<Result<_, _>>()?;
    let display_name = text("pool.display_name", &pool.display_name)?;
    let cooling = pool.cooling_ms.map_or(DEFAULT_COOLING, Duration::from_millis);
    Ok(Command::CreatePool(CreatePool { id: new_id(), region, display_name, cidrs, cooling }))
}

pub(crate) fn create_vpc(scope: Scope, vpc: Option<api::Vpc>) -> Result<Command, Status> {
    let display_name = text("vpc.display_name", &set("vpc", vpc)?.display_name)?;
    Ok(Command::CreateVpc(CreateVpc { id: new_id(), scope, display_name }))
}

pub(crate) fn create_subnet(
    state: &State,
    scope: Scope,
    subnet: Option<api::Subnet>,
) -> Result<Command, Status> {
    let subnet = set("subnet", subnet)?;
    let command = CreateSubnet {
        id: new_id(),
        display_name: text("subnet.display_name", &subnet.display_name)?,
        cidr: text("subnet.cidr", &subnet.cidr)?,
        gateway_address: optional("subnet.gateway_address", &subnet.gateway_address)?,
        reserved: subnets::reserved("subnet.reserved", &subnet.reserved)?,
        vpc: find::in_scope(state.vpcs(), &scope, "subnet.vpc", &subnet.vpc)?.facts.id,
        scope,
    };
    Ok(Command::CreateSubnet(command))
}

pub(crate) fn create_vnic(state: &State, scope: Scope, vnic: Option<api::Vnic>) -> Result<Command, Status> {
    let vnic = set("vnic", vnic)?;
    let command = CreateVnic {
        id: new_id(),
        instance: text("vnic.instance", &vnic.instance)?,
        mac: text("vnic.mac", &vnic.mac)?,
        address: text("vnic.address", &vnic.address)?,
        subnet: find::in_scope(state.subnets(), &scope, "vnic.subnet", &vnic.subnet)?.facts.id,
        scope,
    };
    Ok(Command::CreateVnic(command))
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
    scope: Scope,
    havip: Option<api::Havip>,
) -> Result<Command, Status> {
    let havip = set("havip", havip)?;
    let subnet = &find::in_scope(state.subnets(), &scope, "havip.subnet", &havip.subnet)?.facts;
    let command = CreateHavip {
        id: new_id(),
        display_name: text("havip.display_name", &havip.display_name)?,
        address: optional::<IpAddr>("havip.address", &havip.address)?,
        subnet: subnet.id,
        members: find::members(state, subnet, "havip.members", &havip.members)?,
        rules: HolderRules {
            whole_subnet: claim_policy(havip.claim_policy)?,
            damping: havip.damping.map(damping).unwrap_or_default(),
            announce: havip.announce,
        },
        scope,
    };
    Ok(Command::CreateHavip(command))
}

/// What may change of a HAVIP.
const OF_A_HAVIP: [&str; 5] = ["display_name", "members", "claim_policy", "damping", "announce"];

pub(crate) fn update_havip(
    state: &State,
    name: &str,
    request: api::UpdateHavipRequest,
) -> Result<Command, Status> {
    let mask = Mask::parse(request.update_mask.as_ref(), &OF_A_HAVIP)?;
    let api::Havip { display_name, members, claim_policy: policy, damping: damped, announce, .. } =
        set("havip", request.havip)?;
    let name = find::named(state.havips(), "havip.name", name)?;
    let (added, removed) = (&request.add_members, &request.remove_members);
    let change = HavipChange {
        display_name: mask
            .value("display_name", !display_name.is_empty(), || text("havip.display_name", &display_name))?,
        members: mask
            .value("members", !members.is_empty(), || members_of(state, &name, "havip.members", &members))?,
        members_edit: Edit {
            added: members_of(state, &name, "add_members", added)?,
            removed: members_of(state, &name, "remove_members", removed)?,
        },
        whole_subnet: mask.value("claim_policy", policy != 0, || claim_policy(policy))?,
        damping: mask.value("damping", damped.is_some(), || Ok(damped.map(damping).unwrap_or_default()))?,
        announce: mask.value("announce", announce, || Ok(announce))?,
    };
    let expected = Expected(request.expected_revision);
    Ok(Command::UpdateHavip(UpdateHavip { scope: name.scope, id: name.id, expected, change }))
}

/// An instance's name counts in the HAVIP's subnet.
fn members_of(
    state: &State,
    name: &Name<id::Havip>,
    field: &'static str,
    members: &[String],
) -> Result<Vec<VnicId>, Status> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let havip = find::scoped(state.havips(), "havip.name", &name.to_string())?;
    let subnet = state.subnets().get(havip.facts.havip.subnet).map(|entry| &entry.facts);
    let subnet = subnet.ok_or(Refused::Unserved(Unserved::Unavailable))?;
    find::members(state, subnet, field, members)
}

pub(crate) fn allocate_eip(state: &State, scope: Scope, eip: Option<api::Eip>) -> Result<Command, Status> {
    let eip = eip.unwrap_or_default();
    let pool = match eip.pool.as_str() {
        "" => None,
        name => Some(find::regional(state.pools(), Some(&scope.region), "eip.pool", name)?.facts.id),
    };
    let command = AllocateEip {
        id: new_id(),
        display_name: optional("eip.display_name", &eip.display_name)?,
        address: optional::<IpAddr>("eip.address", &eip.address)?,
        details: EipDetails {
            description: text("eip.description", &eip.description)?,
            labels: labels("eip.labels", eip.labels)?,
            delete_protection: eip.delete_protection,
        },
        now: now(),
        pool,
        scope,
    };
    Ok(Command::AllocateEip(command))
}

pub(crate) fn update_eip(
    state: &State,
    name: &str,
    request: api::UpdateEipRequest,
) -> Result<UpdateEip, Status> {
    const MUTABLE: [&str; 4] = ["display_name", "description", "labels", "delete_protection"];
    let mask = Mask::parse(request.update_mask.as_ref(), &MUTABLE)?;
    let eip = set("eip", request.eip)?;
    let Name { scope, id } = find::named_eip(state, "eip.name", name)?;
    let (name, said) = (&eip.display_name, &eip.description);
    Ok(UpdateEip {
        display_name: mask.value("display_name", !name.is_empty(), || optional("eip.display_name", name))?,
        description: mask.value("description", !said.is_empty(), || text("eip.description", said))?,
        delete_protection: mask
            .value("delete_protection", eip.delete_protection, || Ok(eip.delete_protection))?,
        labels: mask.value("labels", !eip.labels.is_empty(), || labels("eip.labels", eip.labels.clone()))?,
        expected: Expected(request.expected_revision),
        scope,
        id,
    })
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
    let mask = Mask::parse(request.update_mask.as_ref(), &MUTABLE)?;
    let quotas = set("quotas", request.quotas.as_ref())?;
    let limit = |field: &'static str, quota: &Option<api::Quota>| {
        let missing = || bad_field("quotas", format!("{field} must be set to be changed"));
        mask.value(field, quota.is_some(), || quota.as_ref().map(|quota| quota.limit).ok_or_else(missing))
    };
    Ok(UpdateQuotas {
        scope: quotas_of(caller, "quotas.name", &quotas.name)?,
        eips: limit("eips", &quotas.eips)?,
        havips_per_vpc: limit("havips_per_vpc", &quotas.havips_per_vpc)?,
        havips_per_instance: limit("havips_per_instance", &quotas.havips_per_instance)?,
        members_per_havip: limit("members_per_havip", &quotas.members_per_havip)?,
        expected: Expected(request.expected_revision),
    })
}
