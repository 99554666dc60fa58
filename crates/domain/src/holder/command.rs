//! What may be asked of health.

use std::{net::IpAddr, time::Duration};

use super::{Heard, Report};
use crate::{
    Timestamp,
    event::{ClaimFacts, FailoverTimes},
    id::{self, HavipId, VpcId},
    name::{GatewayName, Name},
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
    /// A gateway that probes the holder of an address says what it heard. Never refused: what is known already writes nothing.
    Report {
        /// The VPC in whose namespace it is probed.
        vpc: VpcId,
        /// The HAVIP's address.
        address: IpAddr,
        /// What it says.
        report: Report,
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
    /// A gateway tells how long it took to follow a holder. Never refused: what is known already is not written again.
    Measured {
        /// The VPC in whose namespace it was.
        vpc: VpcId,
        /// The HAVIP.
        address: IpAddr,
        /// How long it took.
        times: FailoverTimes,
    },
    /// A vNIC announces itself as a HAVIP's holder over gRPC.
    Announce(Announce),
    /// A holder with a lease lets go of a HAVIP.
    Withdraw {
        /// Which.
        havip: Name<id::Havip>,
        /// Who.
        vnic: Name<id::Vnic>,
    },
    /// Says that a holder lost a HAVIP because it may hold it no more.
    Exclude {
        /// Which.
        havip: HavipId,
    },
    /// Looks whether a holder's lease has ended.
    Expire {
        /// Of which HAVIP.
        havip: HavipId,
        /// Since when this service would have heard the holder announce itself again.
        since: Timestamp,
        /// This service's present time.
        now: Timestamp,
    },
}

/// See [`Command::Announce`].
#[derive(Clone, Debug, PartialEq)]
pub struct Announce {
    /// What it holds.
    pub havip: Name<id::Havip>,
    /// Who.
    pub vnic: Name<id::Vnic>,
    /// How long, if it does not announce itself again; one of [`super::LEASES`].
    pub lease: Duration,
    /// What stands for the gateway: [`crate::event::OVER_GRPC`].
    pub by: GatewayName,
    /// What was handed in before and is in no event.
    pub heard: Heard,
    /// This service's present time.
    pub now: Timestamp,
}
