//! Quotas: how much a project may have in a region, how much it has, and the refusal of more. What it has is counted as it comes
//! and goes; a limit that is lowered takes nothing away.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{AllocateEip, Facts, State, UpdateQuotas};
use crate::{
    CommitPosition, Event, Rejection,
    event::{HavipCreated, Limits, QuotasChanged, VnicFacts},
    id::VpcId,
    name::{Label, Name, Scope},
    packed::PackedMap,
};

const MEMBERS: &str = "havip.members";

/// A project's limits, and where they were stored.
pub type Stored = (Limits, CommitPosition);

/// Limits and counts of every project of a region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quotas {
    limits: PackedMap<Scope, Stored>,
    eips: PackedMap<Scope, u64>,
    havips: PackedMap<VpcId, u64>,
    memberships: PackedMap<Scope, PackedMap<Label, u64>>,
}

/// How much of a quota is used, by the thing that uses most where there may be several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// So much.
    pub used: u64,
    /// By which thing.
    pub by: String,
}

/// How much a project has of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// EIPs.
    pub eips: Used,
    /// HAVIPs in the fullest VPC.
    pub havips_per_vpc: Used,
    /// HAVIPs that the busiest instance is a member of.
    pub havips_per_instance: Used,
    /// Members of the HAVIP that has most.
    pub members_per_havip: Used,
}

fn one_more<K: Ord + Clone>(counts: &mut PackedMap<K, u64>, key: K) {
    let before = count(counts, &key);
    counts.insert(key, before + 1);
}

fn one_less<K: Ord + Clone>(counts: &mut PackedMap<K, u64>, key: &K) {
    let left = counts.remove(key).unwrap_or_default().saturating_sub(1);
    if left > 0 {
        counts.insert(key.clone(), left);
    }
}

fn count<K: Ord + Clone>(counts: &PackedMap<K, u64>, key: &K) -> u64 {
    counts.get(key).copied().unwrap_or_default()
}

impl Quotas {
    /// A project's limits, and where they were stored; nowhere as long as they are the default.
    pub fn of(&self, scope: &Scope) -> Stored {
        self.limits.get(scope).copied().unwrap_or_default()
    }

    pub(super) fn changed(&mut self, changed: &QuotasChanged, at: CommitPosition) {
        self.limits.insert(changed.scope.clone(), (changed.limits, at));
    }

    pub(super) fn eip_came(&mut self, scope: Scope) {
        one_more(&mut self.eips, scope);
    }

    pub(super) fn eip_went(&mut self, scope: &Scope) {
        one_less(&mut self.eips, scope);
    }

    pub(super) fn havip_came(&mut self, created: &HavipCreated) {
        one_more(&mut self.havips, created.havip.vpc);
        self.of_instances(created, |counts, instance| one_more(counts, instance.clone()));
    }

    pub(super) fn havip_went(&mut self, gone: &HavipCreated) {
        one_less(&mut self.havips, &gone.havip.vpc);
        self.of_instances(gone, one_less);
    }

    /// Counts the members of a HAVIP, each by its instance. Who has none has no counts.
    fn of_instances(&mut self, havip: &HavipCreated, change: impl Fn(&mut PackedMap<Label, u64>, &Label)) {
        let scope = havip.parent();
        let mut counts = self.memberships.remove(&scope).unwrap_or_default();
        havip.members.iter().for_each(|member| change(&mut counts, &member.instance));
        if !counts.is_empty() {
            self.memberships.insert(scope, counts);
        }
    }
}

pub(super) fn update(state: &State, command: &UpdateQuotas) -> Result<Vec<Event>, Rejection> {
    let (before, at) = state.quotas.of(&command.scope);
    command.expected.check(at, format!("{}/quotas", command.scope))?;
    let limits = Limits {
        eips: command.eips.unwrap_or(before.eips),
        havips_per_vpc: command.havips_per_vpc.unwrap_or(before.havips_per_vpc),
        havips_per_instance: command.havips_per_instance.unwrap_or(before.havips_per_instance),
        members_per_havip: command.members_per_havip.unwrap_or(before.members_per_havip),
    };
    let scope = command.scope.clone();
    Ok(if limits == before {
        Vec::new()
    } else {
        vec![Event::QuotasChanged(QuotasChanged { scope, limits })]
    })
}

/// Refuses one more EIP where there are as many as may be. An address that is kept for the project while it cools counts, too,
/// unless it is the one that it gets: nobody else can have it.
pub(super) fn check_eips(state: &State, command: &AllocateEip, address: IpAddr) -> Result<(), Rejection> {
    let scope = &command.scope;
    let limit = state.quotas.of(scope).0.eips;
    let eips = count(&state.quotas.eips, scope);
    let kept = || state.cooling.kept_for(scope, command.now).map(|(_, address)| address);
    let cooling = if kept().any(|kept| kept == address) { 0 } else { kept().count() as u64 };
    within("eips", "parent", limit, (eips.saturating_add(cooling), 1), || match cooling {
        0 => format!("{scope} has {eips} EIPs"),
        _ => format!("{scope} has {eips} EIPs, and {cooling} addresses more are kept for it while they cool"),
    })
}

/// Refuses one more HAVIP in a VPC.
pub(super) fn check_havips(state: &State, scope: &Scope, vpc: VpcId) -> Result<(), Rejection> {
    let limit = state.quotas.of(scope).0.havips_per_vpc;
    let used = count(&state.quotas.havips, &vpc);
    let refusal =
        within("havips_per_vpc", "havip.subnet", limit, (used, 1), || format!("the VPC has {used} HAVIPs"));
    refusal.map_err(|refusal| match state.vpcs.get(vpc) {
        Some(vpc) => refusal.because_of(vpc.facts.name()),
        None => refusal,
    })
}

/// Refuses more members of a HAVIP than may be, and one of an instance that is a member of as many HAVIPs as may be. What
/// is so already stays: a HAVIP that has too many may lose some, or change one for another.
pub(super) fn check_members(
    state: &State,
    scope: &Scope,
    before: &[VnicFacts],
    after: &[VnicFacts],
) -> Result<(), Rejection> {
    if after.len() > before.len() {
        let limit = state.quotas.of(scope).0.members_per_havip;
        let (used, asked) = (before.len() as u64, (after.len() - before.len()) as u64);
        within("members_per_havip", MEMBERS, limit, (used, asked), || {
            format!("the HAVIP would have {} members", after.len())
        })?;
    }
    // An instance has one vNIC in a subnet.
    let mut new = after.iter().filter(|member| !before.contains(member));
    new.try_for_each(|member| check_instance(state, scope, member))
}

/// Refuses one more HAVIP of which this vNIC's instance is a member.
fn check_instance(state: &State, scope: &Scope, vnic: &VnicFacts) -> Result<(), Rejection> {
    let instance = &vnic.instance;
    let limit = state.quotas.of(scope).0.havips_per_instance;
    let used = state.quotas.memberships.get(scope).map_or(0, |of_scope| count(of_scope, instance));
    let refusal = within("havips_per_instance", MEMBERS, limit, (used, 1), || {
        format!("the instance {instance} is a member of {used} HAVIPs")
    });
    refusal.map_err(|refusal| refusal.because_of(Name { scope: scope.clone(), id: vnic.id }))
}

/// What is used, and what is asked for besides, is at most `limit`.
fn within(
    quota: &'static str,
    field: &'static str,
    limit: u64,
    (used, asked): (u64, u64),
    what: impl FnOnce() -> String,
) -> Result<(), Rejection> {
    if used.saturating_add(asked) <= limit {
        return Ok(());
    }
    let message = format!("{}, and the quota {quota} is {limit}; the operator can raise it", what());
    let refusal = Rejection::exhausted("QUOTA_EXCEEDED", field, message);
    Err(refusal.with("quota", quota).with("limit", limit).with("used", used).with("asked", asked))
}

impl State {
    /// Limits and counts.
    pub fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// How much a project has of everything that there is a quota for.
    pub fn usage(&self, scope: &Scope) -> Usage {
        let counts = &self.quotas;
        let vpcs = self.vpcs.list(scope, None);
        let vpcs = vpcs.map(|vpc| Used { used: count(&counts.havips, &vpc.facts.id), by: vpc.facts.name() });
        let havips = self.havips.list(scope, None);
        let havips =
            havips.map(|havip| Used { used: havip.facts.members.len() as u64, by: havip.facts.name() });
        let instances = counts.memberships.get(scope).into_iter().flat_map(PackedMap::iter);
        let instances = instances.map(|(instance, used)| Used { used: *used, by: instance.to_string() });
        Usage {
            eips: Used { used: count(&counts.eips, scope), by: String::new() },
            havips_per_vpc: most(vpcs),
            havips_per_instance: most(instances),
            members_per_havip: most(havips),
        }
    }
}

/// The first of those that use most; nobody where none uses any.
fn most(all: impl Iterator<Item = Used>) -> Used {
    all.fold(Used::default(), |most, other| if other.used > most.used { other } else { most })
}
