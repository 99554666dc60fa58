//! The two tables as data: their sets, counters, chains and rules. Static but for the names of the two links.
//!
//! `mooring` translates and keeps private addresses in; `mooring_fence` lets only the holder send from a HAVIP. They are
//! two so that F1 holds to the letter: a holder change touches the fence alone.
//!
//! The one description of the rules: the driver writes it into kernels, and [`super::walk`] follows it with a packet.

pub mod expression;
mod hairpin;
mod rules;

use self::expression as e;
use super::DropReason;

pub use self::expression::Expression;

/// The group to which the fence copies what it drops.
pub const FENCE_GROUP: u16 = 7741;

/// The table that translates.
pub const NAT: &str = "mooring";
/// The table that lets only holders send.
pub const FENCE: &str = "mooring_fence";

/// The private blocks of the VPC.
pub const SUBNETS: &str = "subnets";
/// The public blocks that are ours.
pub const POOLS: &str = "pools";
/// What an EIP fronts.
pub const EIP_TO_HAVIP: &str = "eip_to_havip";
/// What fronts a HAVIP.
pub const HAVIP_TO_EIP: &str = "havip_to_eip";
/// Every HAVIP of the VPC.
pub const HAVIPS: &str = "havips";
/// HAVIPs that nobody holds.
pub const UNHELD: &str = "unheld";
/// HAVIPs, each with the MAC that holds it.
pub const HOLDERS: &str = "holders";

/// What the keys of a set are, and what they lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Addresses.
    Addresses,
    /// Ranges of addresses.
    Blocks,
    /// Addresses that lead to an address.
    AddressToAddress,
    /// An address and a MAC.
    AddressAndMac,
}

/// Where a chain hangs: hook, priority, and which of nftables' kinds it is.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// As the kernel numbers them: [`PREROUTING`], [`POSTROUTING`].
    pub number: u32,
    /// The lower, the earlier.
    pub priority: i32,
    /// `nat` is asked about the first packet of a flow alone.
    pub kind: &'static str,
}

/// The hook before routing.
pub const PREROUTING: u32 = 0;
/// The hook behind routing.
pub const POSTROUTING: u32 = 4;
/// nftables' `raw`: before connection tracking, so that `notrack` comes in time.
const RAW: i32 = -300;
/// Behind whatever the operator's own tables translate (`srcnat` is 100): we see what would really leave.
const LAST: i32 = 300;
/// Before an operator's own `srcnat` (100): of two the first decides.
const LENDING: i32 = 90;
/// Before our own translation: the fence sees a packet as it came.
const FENCE_IN: i32 = RAW - 10;
const FENCE_OUT: i32 = LAST - 10;

/// A chain and its rules.
#[derive(Debug)]
pub struct Chain {
    /// Unique in its table.
    pub name: &'static str,
    /// `None`: other chains jump here.
    pub hook: Option<Hook>,
    /// In their order.
    pub rules: Vec<Rule>,
}

/// A rule: what it is for, and what it does.
#[derive(Debug)]
pub struct Rule {
    /// For people: what it is for.
    pub purpose: &'static str,
    /// What it does.
    pub expressions: Vec<Expression>,
}

/// A table with everything static in it.
#[derive(Debug)]
pub struct Table {
    /// [`NAT`] or [`FENCE`].
    pub name: &'static str,
    /// Sets and maps.
    pub sets: &'static [(&'static str, Keys)],
    /// What it counts by.
    pub counters: &'static [DropReason],
    /// A chain stands before those that jump to it.
    pub chains: Vec<Chain>,
}

/// What of a place is in the rules: the names of its links, and whether whoever is inside reaches its EIPs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// The link towards the VPC's subnet.
    pub inside: String,
    /// The link towards the public network.
    pub outside: String,
    /// Whoever is inside reaches the EIPs of the VPC, with connection tracking; otherwise only a HAVIP with an EIP does.
    pub hairpin: bool,
}

/// Both tables between these two links.
pub fn tables(links: &Links) -> [Table; 2] {
    [nat(links), fence(&links.inside)]
}

fn nat(links: &Links) -> Table {
    let Links { inside, outside, hairpin: tracked } = links;
    let chain = |name, rules| Chain { name, hook: None, rules };
    let hooked = |name, number, priority, rules| Chain { name, hook: Some(filter(number, priority)), rules };
    let parts = [
        chain("options", rules::options()),
        chain("errors_inwards", rules::errors_inwards()),
        chain("errors_outwards", rules::errors_outwards()),
        chain("errors_to_inside", hairpin::errors_to_inside(*tracked)),
        chain("icmp_to_inside", rules::icmp_to_inside()),
        chain("icmp_to_outside", rules::icmp_to_outside()),
        chain("marked", hairpin::marked(*tracked)),
    ];
    let lending = Hook { number: POSTROUTING, priority: LENDING, kind: "nat" };
    let tracking = [
        chain("tracked", hairpin::tracked()),
        Chain { name: "tracked_source", hook: Some(lending), rules: hairpin::tracked_source() },
    ];
    let chains = [
        chain("hairpin", hairpin::turn(*tracked)),
        chain("from_outside", rules::from_outside()),
        chain("from_inside", rules::from_inside(*tracked)),
        chain("to_inside", rules::to_inside(*tracked, inside)),
        chain("to_outside", rules::to_outside(inside)),
        hooked(
            "prerouting",
            PREROUTING,
            RAW,
            vec![
                rule("what comes from outside", [&e::from_link(outside)[..], &[e::jump("from_outside")]]),
                rule("what comes from inside", [&e::from_link(inside)[..], &[e::jump("from_inside")]]),
            ],
        ),
        hooked(
            "postrouting",
            POSTROUTING,
            LAST,
            vec![
                rule("what goes outside", [&e::to_link(outside)[..], &[e::jump("to_outside")]]),
                rule("what goes inside", [&e::to_link(inside)[..], &[e::jump("to_inside")]]),
            ],
        ),
    ];
    Table {
        name: NAT,
        sets: &[
            (SUBNETS, Keys::Blocks),
            (POOLS, Keys::Blocks),
            (EIP_TO_HAVIP, Keys::AddressToAddress),
            (HAVIP_TO_EIP, Keys::AddressToAddress),
        ],
        counters: &[
            DropReason::PrivateSource,
            DropReason::PrivateQuoted,
            DropReason::SpoofedSource,
            DropReason::PrivateDestination,
            DropReason::UnboundEip,
            DropReason::Hairpin,
        ],
        // Without tracked hairpins nothing in the ruleset turns connection tracking on in the namespace.
        chains: parts.into_iter().chain(tracking.into_iter().filter(|_| *tracked)).chain(chains).collect(),
    }
}

fn filter(number: u32, priority: i32) -> Hook {
    Hook { number, priority, kind: "filter" }
}

fn fence(inside: &str) -> Table {
    let hook = |number, priority| Some(filter(number, priority));
    Table {
        name: FENCE,
        sets: &[(HAVIPS, Keys::Addresses), (UNHELD, Keys::Addresses), (HOLDERS, Keys::AddressAndMac)],
        counters: &[DropReason::NotHolder, DropReason::NoHolder],
        chains: vec![
            Chain { name: "fenced", hook: None, rules: rules::fenced() },
            Chain { name: "from_inside", hook: None, rules: rules::fence_from_inside() },
            Chain {
                name: "prerouting",
                hook: hook(PREROUTING, FENCE_IN),
                rules: vec![rule(
                    "what comes from inside",
                    [&e::from_link(inside)[..], &[e::jump("from_inside")]],
                )],
            },
            Chain {
                name: "postrouting",
                hook: hook(POSTROUTING, FENCE_OUT),
                rules: rules::fence_to_inside(inside),
            },
        ],
    }
}

/// A rule out of runs of expressions.
fn rule<'a>(purpose: &'static str, runs: impl IntoIterator<Item = &'a [Expression]>) -> Rule {
    Rule { purpose, expressions: runs.into_iter().flatten().cloned().collect() }
}
