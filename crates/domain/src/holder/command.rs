//! What may be asked of health.

use std::net::IpAddr;

use crate::{Timestamp, event::ClaimFacts, id::VpcId};

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
        /// When the [latest](super::Latest) claim handed in before was seen, if there was one.
        latest: Option<Timestamp>,
        /// This service's present time.
        now: Timestamp,
    },
}
