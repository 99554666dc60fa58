//! Why the gateway drops a packet. Each reason is a named counter in the kernel.

/// Why a packet was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// To the outside, with a source in the VPC's subnets that no EIP fronts.
    PrivateSource,
    /// To the outside, an ICMP error that quotes a private address no EIP fronts.
    PrivateQuoted,
    /// From the outside, with a source in the VPC's subnets or in our pools.
    SpoofedSource,
    /// From the outside, to an address in the VPC's subnets.
    PrivateDestination,
    /// From the outside, to an address in our pools that fronts nothing here.
    UnboundEip,
    /// From the inside, to an EIP of the same VPC: from no HAVIP with an EIP, and the operator's file says no `hairpin`;
    /// or it does, and what was sent belongs to no flow or has a source that is not in the VPC's subnets.
    Hairpin,
    /// From the inside, with a HAVIP as source, from a MAC that does not hold it.
    NotHolder,
    /// To a HAVIP that nobody holds.
    NoHolder,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::PrivateSource,
        Self::PrivateQuoted,
        Self::SpoofedSource,
        Self::PrivateDestination,
        Self::UnboundEip,
        Self::Hairpin,
        Self::NotHolder,
        Self::NoHolder,
    ];

    /// The counter's name in the kernel, and the reason's name for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::PrivateSource => "private_source",
            Self::PrivateQuoted => "private_quoted",
            Self::SpoofedSource => "spoofed_source",
            Self::PrivateDestination => "private_destination",
            Self::UnboundEip => "unbound_eip",
            Self::Hairpin => "hairpin",
            Self::NotHolder => "not_holder",
            Self::NoHolder => "no_holder",
        }
    }
}
