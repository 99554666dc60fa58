//! What may be asked of health.

use std::net::IpAddr;

use super::Heard;
use crate::{
    Timestamp,
    event::ClaimFacts,
    id::{HavipId, VpcId},
};

/// One command.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A gateway saw an address announced. Never refused: what moves nothing writes nothing or a rejection.
    Claim {
        /// The VPC in whose namespace it was seen.
        vpc: VpcId,
        /// What was announced; any address, most are no HAVIP.
        address: IpAddr,
        /// The announcement.
        claim: ClaimFacts,
        /// What was handed in before and is in no event.
        heard: Heard,
        /// This service's present time.
        now: Timestamp,
    },
    /// Looks whether a contested HAVIP has settled.
    Settle {
        /// Which.
        havip: HavipId,
        /// What was handed in and is in no event.
        heard: Heard,
        /// Since when this service would have heard of another claim.
        since: Timestamp,
        /// This service's present time.
        now: Timestamp,
    },
}
