//! resource: what exists, and what a binding holds.
//!
//! Pools and the EIPs out of them, VPCs with subnets, vNICs and HAVIPs. A hold (its owner is a binding) forbids releasing
//! the EIP and deleting the HAVIP; a released binding can never hold again, so that a delayed `Hold` leaves no orphan.

mod address_rules;
mod command;
mod cooling;
mod edit;
mod eip;
mod evolve;
mod free_ranges;
mod havip;
mod hold;
mod pool;
mod quotas;
mod state;
mod subnet;
mod table;
mod vnic;
mod vpc;

pub use command::{
    AllocateEip, Command, CreateHavip, CreatePool, CreateSubnet, CreateVnic, CreateVpc, Delete, DeleteHavip,
    DeletePool, HavipChange, Hold, PoolChange, ReleaseEip, ReleaseHold, SubnetChange, UpdateEip, UpdateHavip,
    UpdatePool, UpdateQuotas, UpdateSubnet,
};
pub use cooling::{Cooling, CoolingEip, is_cooling};
pub use edit::Edit;
pub use free_ranges::FreeRanges;
pub use havip::{MAX_DAMPING, MAX_MEMBERS};
pub use hold::{HOLD_MAY_BE_LATE, RELEASED_ARE_REMEMBERED};
pub use pool::{DEFAULT_COOLING, MAX_COOLING};
pub use quotas::{Quotas, Usage, Used};
pub use state::{AddressOwner, Held, State};
pub use table::{Entry, Facts, Parent, Table};

use std::hash::{DefaultHasher, Hash, Hasher};

use uuid::Uuid;

use crate::{Commit, Decider, Event, Rejection, Stream, name::Scope};

/// The core of resource.
#[derive(Clone, Copy, Debug)]
pub enum ResourceCore {}

impl Decider for ResourceCore {
    const STREAM: Stream = Stream::Resource;
    const STATE_VERSION: u32 = 9;
    const READS: &'static [Stream] = &[Self::STREAM];
    type State = State;
    type Command = Command;

    fn decide(state: &State, command: &Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::CreatePool(it) => pool::create(state, it),
            Command::UpdatePool(it) => pool::update(state, it),
            Command::DeletePool(it) => pool::delete(state, it),
            Command::CreateVpc(it) => vpc::create(state, it),
            Command::CreateSubnet(it) => subnet::create(state, it),
            Command::CreateVnic(it) => vnic::create(state, it),
            Command::DeleteVpc(it) => vpc::delete(state, it),
            Command::UpdateSubnet(it) => subnet::update(state, it),
            Command::DeleteSubnet(it) => subnet::delete(state, it),
            Command::DeleteVnic(it) => vnic::delete(state, it),
            Command::CreateHavip(it) => havip::create(state, it),
            Command::UpdateHavip(it) => havip::update(state, it),
            Command::DeleteHavip(it) => havip::delete(state, it),
            Command::AllocateEip(it) => eip::allocate(state, it),
            Command::UpdateEip(it) => eip::update(state, it),
            Command::ReleaseEip(it) => eip::release(state, it),
            Command::UpdateQuotas(it) => quotas::update(state, it),
            Command::Hold(it) => hold::place(state, it),
            Command::ReleaseHold(it) => hold::release(state, it),
        }
    }

    fn changes(command: &Command) -> Option<Uuid> {
        match command {
            Command::UpdatePool(it) => Some(it.id.uuid()),
            Command::DeletePool(it) => Some(it.id.uuid()),
            Command::DeleteVpc(it) => Some(it.id.uuid()),
            Command::UpdateSubnet(it) => Some(it.id.uuid()),
            Command::DeleteSubnet(it) => Some(it.id.uuid()),
            Command::DeleteVnic(it) => Some(it.id.uuid()),
            Command::UpdateHavip(it) => Some(it.id.uuid()),
            Command::DeleteHavip(it) => Some(it.id.uuid()),
            Command::UpdateEip(it) => Some(it.id.uuid()),
            Command::UpdateQuotas(it) => Some(of_scope(&it.scope)),
            Command::ReleaseEip(it) => Some(it.id.uuid()),
            _ => None,
        }
    }

    fn evolve(state: &mut State, commit: &Commit) {
        evolve::evolve(state, commit);
    }
}

/// What stands for a project's quotas, which have no id: the same for the same project, in one process.
fn of_scope(scope: &Scope) -> Uuid {
    let mut hasher = DefaultHasher::new();
    scope.to_string().hash(&mut hasher);
    Uuid::from_u64_pair(hasher.finish(), 0)
}
