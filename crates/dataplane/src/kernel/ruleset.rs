//! The two tables as data: their sets, counters, chains and rules. Static but for the names of the two links.
//!
//! `mooring` translates and keeps private addresses in; `mooring_fence` lets only the holder send from a HAVIP. They are
//! two so that F1 holds to the letter: a holder change touches the fence alone.

use std::fmt::Write as _;

use super::{expression as e, expression::Expression, rules};
use crate::{DropReason, Place};

/// nftables' number for a counter among its objects.
pub(super) const COUNTER: u32 = 1;
/// The group to which the fence copies what it drops.
pub(crate) const FENCE_GROUP: u16 = 7741;

/// The table that translates.
pub(super) const NAT: &str = "mooring";
/// The table that lets only holders send.
pub(super) const FENCE: &str = "mooring_fence";

pub(super) const SUBNETS: &str = "subnets";
pub(super) const POOLS: &str = "pools";
pub(super) const EIP_TO_HAVIP: &str = "eip_to_havip";
pub(super) const HAVIP_TO_EIP: &str = "havip_to_eip";
pub(super) const HAVIPS: &str = "havips";
pub(super) const UNHELD: &str = "unheld";
pub(super) const HOLDERS: &str = "holders";

/// What the keys of a set are, and what they lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
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
pub(super) struct Hook {
    pub(super) number: u32,
    pub(super) priority: i32,
    /// `nat` is asked about the first packet of a flow alone.
    pub(super) kind: &'static str,
}

const PREROUTING: u32 = 0;
const POSTROUTING: u32 = 4;
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
pub(super) struct Chain {
    pub(super) name: &'static str,
    /// `None`: other chains jump here.
    pub(super) hook: Option<Hook>,
    pub(super) rules: Vec<Rule>,
}

/// A rule: what it is for, and what it does.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) purpose: &'static str,
    pub(super) expressions: Vec<Expression>,
}

/// A table with everything static in it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) sets: &'static [(&'static str, Keys)],
    pub(super) counters: &'static [DropReason],
    /// A chain stands before those that jump to it.
    pub(super) chains: Vec<Chain>,
}

/// Both tables for one place, and the hash of all that is static in them.
#[derive(Debug)]
pub(super) struct Ruleset {
    pub(super) tables: [Table; 2],
    version: u64,
}

impl Ruleset {
    /// The ruleset between these two links.
    pub(super) fn new(place: &Place) -> Self {
        let tables = [nat(place), fence(&place.inside)];
        let version = version(&tables);
        Self { tables, version }
    }

    /// The comment of a rule, as `nft list` shows it. Says which version of the whole ruleset the rule belongs to.
    pub(super) fn comment(&self, rule: &Rule) -> String {
        format!("{} [{:016x}]", rule.purpose, self.version)
    }
}

fn nat(place: &Place) -> Table {
    let Place { inside, outside, hairpin: tracked, .. } = place;
    let chain = |name, rules| Chain { name, hook: None, rules };
    let hooked = |name, number, priority, rules| Chain { name, hook: Some(filter(number, priority)), rules };
    let parts = [
        chain("options", rules::options()),
        chain("errors_inwards", rules::errors_inwards()),
        chain("errors_outwards", rules::errors_outwards()),
        chain("errors_to_inside", rules::hairpin::errors_to_inside(*tracked)),
    ];
    let lending = Hook { number: POSTROUTING, priority: LENDING, kind: "nat" };
    let tracking = [
        chain("tracked", rules::hairpin::tracked()),
        Chain { name: "tracked_source", hook: Some(lending), rules: rules::hairpin::tracked_source() },
    ];
    let chains = [
        chain("from_outside", rules::from_outside()),
        chain("from_inside", rules::from_inside(*tracked)),
        chain("to_inside", rules::to_inside(*tracked, inside)),
        chain("to_outside", rules::to_outside(inside)),
        hooked(
            "prerouting",
            PREROUTING,
            RAW,
            vec![
                rule("from outside, with IP options", [&e::from_link(outside)[..], &rules::with_options()]),
                rule("what comes from outside", [&e::from_link(outside)[..], &[e::jump("from_outside")]]),
                rule("what comes from inside", [&e::from_link(inside)[..], &[e::jump("from_inside")]]),
            ],
        ),
        hooked(
            "postrouting",
            POSTROUTING,
            LAST,
            vec![
                rule("to outside, with IP options", [&e::to_link(outside)[..], &rules::with_options()]),
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
pub(super) fn rule<'a>(purpose: &'static str, runs: impl IntoIterator<Item = &'a [Expression]>) -> Rule {
    Rule { purpose, expressions: runs.into_iter().flatten().cloned().collect() }
}

/// FNV-1a over everything static: nobody forges it here, it only has to differ when the ruleset does.
fn version(tables: &[Table]) -> u64 {
    let mut text = String::new();
    for table in tables {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{:?}{:?}", table.name, table.sets, table.counters);
        for chain in &table.chains {
            let _ = write!(text, "{}{:?}", chain.name, chain.hook);
            for rule in &chain.rules {
                let _ = write!(text, "{}{:?}", rule.purpose, e::bytes(&rule.expressions));
            }
        }
    }
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
