//! The stable word for each kind of event: its field's name in `mooring.event.v1.Event`. What is asked for by kind is
//! asked for by these.

use super::Event;

macro_rules! words {
    ($($kind:ident $word:literal;)*) => {
        impl Event {
            /// The words of all kinds.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word of this one's kind.
            pub const fn word(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $word,)*
                }
            }
        }
    };
}

words! {
    PoolCreated "pool_created";
    PoolUpdated "pool_updated";
    PoolDeleted "pool_deleted";
    VpcCreated "vpc_created";
    SubnetCreated "subnet_created";
    VnicCreated "vnic_created";
    VpcDeleted "vpc_deleted";
    SubnetUpdated "subnet_updated";
    SubnetDeleted "subnet_deleted";
    VnicDeleted "vnic_deleted";
    HavipCreated "havip_created";
    HavipUpdated "havip_updated";
    HavipDeleted "havip_deleted";
    EipAllocated "eip_allocated";
    EipReleased "eip_released";
    EipUpdated "eip_updated";
    QuotasChanged "quotas_changed";
    HoldPlaced "hold_placed";
    HoldReleased "hold_released";
    BindRequested "bind_requested";
    Bound "bound";
    BindFailed "bind_failed";
    UnbindRequested "unbind_requested";
    Unbound "unbound";
    GatewayRegistered "gateway_registered";
    GatewayDecommissioned "gateway_decommissioned";
    GatewayDriftFound "gateway_drift_found";
    HolderChanged "holder_changed";
    ClaimRejected "claim_rejected";
    HolderContested "holder_contested";
    HolderSettled "holder_settled";
    HolderWithdrawn "holder_withdrawn";
    LeaseRenewed "lease_renewed";
    HolderSilent "holder_silent";
    HolderHeard "holder_heard";
    FailoverMeasured "failover_measured";
}
