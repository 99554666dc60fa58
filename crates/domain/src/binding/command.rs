//! What may be asked of binding.

use std::sync::Arc;

use crate::{
    Expected, Position,
    event::{EipFacts, GatewayDriftFound, HavipFacts},
    id::{BindingId, Eip, EipId, Havip},
    name::{GatewayName, Name, RegionId, Scope},
};

/// One command.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A caller wants an EIP to front a HAVIP.
    Bind {
        /// The new binding's id.
        id: BindingId,
        /// What is to front.
        eip: Name<Eip>,
        /// What is to be fronted.
        havip: Name<Havip>,
    },
    /// A caller wants an EIP off the HAVIP that it fronts and in front of another.
    Move {
        /// The new binding's id.
        id: BindingId,
        /// What is to move.
        eip: Name<Eip>,
        /// What it is to front.
        havip: Name<Havip>,
        /// What the caller takes the binding that it leaves to be at.
        expected: Expected,
    },
    /// A caller wants an EIP off its HAVIP.
    Unbind {
        /// Owner and region of the EIP.
        scope: Scope,
        /// Which one.
        eip: EipId,
        /// What the caller takes the binding to be at.
        expected: Expected,
    },
    /// resource holds both for the binding, and these are the facts.
    Confirm {
        /// The binding.
        binding: BindingId,
        /// What it holds.
        eip: EipFacts,
        /// What it holds.
        havip: HavipFacts,
    },
    /// resource holds the HAVIP that an EIP moves to: the binding that it leaves can be taken out.
    Leave {
        /// The binding that it moves to.
        binding: BindingId,
        /// What it holds.
        eip: EipFacts,
        /// What it holds.
        havip: HavipFacts,
    },
    /// The binding came to nothing. Its hold must have been released before.
    Fail {
        /// The binding.
        binding: BindingId,
        /// A stable word, as in [`crate::Rejection::reason`].
        reason: Arc<str>,
        /// For people.
        message: Arc<str>,
    },
    /// Every registered gateway has taken the binding out, and its hold has been released.
    Complete {
        /// The binding.
        binding: BindingId,
    },
    /// A gateway says that it carries the region's EIP traffic.
    RegisterGateway {
        /// Its region.
        region: RegionId,
        /// Its name.
        gateway: GatewayName,
        /// What all its kernels are equal to: one that was decommissioned shows by it that it has heard of that.
        equal_to: Position,
    },
    /// A gateway says what it found changed behind its back, and mended.
    RecordDrift(GatewayDriftFound),
    /// The operator's word that a gateway carries nothing any more.
    DecommissionGateway {
        /// Its region.
        region: RegionId,
        /// Its name.
        gateway: GatewayName,
        /// What the operator takes it to be at.
        expected: Expected,
    },
}
