//! The two tables of [`mooring_domain::nat::ruleset`] for one place, with the version that tells ours from others'.

use std::fmt::Write as _;

pub(super) use mooring_domain::nat::ruleset::{
    Chain, EIP_TO_HAVIP, FENCE, HAVIP_TO_EIP, HAVIPS, HOLDERS, Hook, Keys, NAT, POOLS, Rule, SUBNETS, Table,
    UNHELD,
};
use mooring_domain::nat::ruleset::{Links, tables};

use super::expression as e;
use crate::Place;

/// nftables' number for a counter among its objects.
pub(super) const COUNTER: u32 = 1;

/// Both tables for one place, and the hash of all that is static in them.
#[derive(Debug)]
pub(crate) struct Ruleset {
    pub(crate) tables: [Table; 2],
    version: u64,
}

impl Ruleset {
    /// The ruleset between these two links.
    pub(crate) fn new(place: &Place) -> Self {
        let Place { inside, outside, hairpin, .. } = place.clone();
        let tables = tables(&Links { inside, outside, hairpin });
        let version = version(&tables);
        Self { tables, version }
    }

    /// The comment of a rule, as `nft list` shows it. Says which version of the whole ruleset the rule belongs to.
    pub(crate) fn comment(&self, rule: &Rule) -> String {
        format!("{} [{:016x}]", rule.purpose, self.version)
    }
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
