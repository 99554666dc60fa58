//! The steps that make both tables anew, upon what stands of them ([`Standing`]).

use std::collections::BTreeSet;

use netlink_packet_core::{DefaultNla, NLM_F_APPEND, NLM_F_CREATE};
use netlink_packet_netfilter::nftables::{
    ChainAttribute, ChainMessage, Hook, HookNumber, NfTablesMessage, RuleAttribute, RuleMessage,
    SetAttribute, SetDescription, SetElementList, SetElementMessage, SetFlags, SetMessage, TableAttribute,
    TableMessage,
};

use super::{
    super::{
        channel::Request,
        expression,
        ruleset::{self, Chain, Keys, Ruleset, Table},
        standing::Standing,
        table::string,
    },
    Transaction, nftables, userdata,
};
use crate::DropReason;

/// The policy of all our base chains.
pub(in crate::kernel) const ACCEPT: u32 = 1;
/// A set's size that limits nothing.
pub(in crate::kernel) const UNLIMITED: u32 = u32::MAX;

impl Transaction {
    /// In one transaction with whatever follows: no packet sees a moment without the tables.
    pub(super) fn make(&mut self, ruleset: &Ruleset) {
        self.flush();
        let standing = std::mem::take(&mut self.standing);
        for (table, standing) in ruleset.tables.iter().zip(standing) {
            match &standing {
                Some(standing) => self.clear(table, standing),
                None => self.replace(table),
            }
            let stays = |names: fn(&Standing) -> &BTreeSet<String>, name: &str| {
                standing.as_ref().is_some_and(|standing| names(standing).contains(name))
            };
            for reason in table.counters {
                self.counter(table, *reason);
            }
            for (index, (set, keys)) in (1..).zip(table.sets) {
                if !stays(|standing| &standing.sets, set) {
                    self.set(table, set, *keys, index);
                }
            }
            for chain in &table.chains {
                if !stays(|standing| &standing.chains, chain.name) {
                    self.chain(table, chain);
                }
            }
            for chain in &table.chains {
                self.rules(table, chain, ruleset);
            }
        }
    }

    /// Both tables go, with whatever is in them.
    pub(in crate::kernel) fn delete(&mut self, ruleset: &Ruleset) {
        ruleset.tables.iter().for_each(|table| self.remove(table));
    }

    /// The table as a whole goes, with whatever is in it, and is there again, empty.
    fn replace(&mut self, table: &Table) {
        self.remove(table);
        self.push(
            format!("make table {}", table.name),
            NLM_F_CREATE,
            NfTablesMessage::NewTable(named(table)),
        );
    }

    fn remove(&mut self, table: &Table) {
        // Only what is there can be deleted, so first of all it is.
        let make = NfTablesMessage::NewTable(named(table));
        self.push(format!("find or make table {}", table.name), NLM_F_CREATE, make);
        self.push(format!("delete table {}", table.name), 0, NfTablesMessage::DeleteTable(named(table)));
    }

    /// All rules go, and what only rules held in place; our chains and sets stay, empty.
    fn clear(&mut self, table: &Table, standing: &Standing) {
        let (name, text) = (table.name, |text: &str| text.to_owned());
        let rules = RuleMessage { attributes: vec![RuleAttribute::Table(text(name))] };
        self.push(format!("remove the rules of table {name}"), 0, NfTablesMessage::DeleteRule(rules));
        for chain in &standing.chains {
            if !table.chains.iter().any(|ours| ours.name == chain) {
                let attributes = vec![ChainAttribute::Table(text(name)), ChainAttribute::Name(chain.clone())];
                let message = NfTablesMessage::DeleteChain(ChainMessage { attributes });
                self.push(format!("delete chain {chain} in table {name}"), 0, message);
            }
        }
        for counter in &standing.counters {
            let number = DefaultNla::new(3, ruleset::COUNTER.to_be_bytes().into());
            let message = NfTablesMessage::DeleteObject(vec![string(1, name), string(2, counter), number]);
            self.push(format!("delete counter {counter} in table {name}"), 0, message);
        }
        for set in &standing.sets {
            // Without a list of elements: all of them.
            let attributes = vec![SetElementList::Table(text(name)), SetElementList::Set(set.clone())];
            let message = NfTablesMessage::DeleteSetElement(SetElementMessage { attributes });
            self.push(format!("empty set {set} in table {name}"), 0, message);
        }
    }

    fn counter(&mut self, table: &Table, reason: DropReason) {
        let nothing = [zero(1), zero(2)].concat();
        self.push(
            format!("make counter {} in table {}", reason.word(), table.name),
            NLM_F_CREATE,
            NfTablesMessage::NewObject(vec![
                string(1, table.name),
                string(2, reason.word()),
                DefaultNla::new(3, ruleset::COUNTER.to_be_bytes().into()),
                DefaultNla::new(4 | netlink_packet_core::NLA_F_NESTED, nothing),
            ]),
        );
    }

    fn set(&mut self, table: &Table, name: &'static str, keys: Keys, id: u32) {
        let (mut flags, kind, length, data) = shape(keys);
        let size = self.sizes.0.get(&(table.name, name)).copied();
        if size.is_some() {
            // With a size alone the kernel takes a hash that can never grow.
            flags |= SetFlags::Eval;
        }
        let mut attributes = vec![
            SetAttribute::Table(table.name.to_owned()),
            SetAttribute::Name(name.to_owned()),
            SetAttribute::Flags(flags),
            SetAttribute::KeyType(kind),
            SetAttribute::KeyLen(length),
            SetAttribute::Id(id),
        ];
        if let Some(data) = data {
            attributes.extend([SetAttribute::DataType(data), SetAttribute::DataLen(4)]);
        }
        let sized = |size| {
            let description = SetAttribute::Description(vec![SetDescription::Size(size)]);
            let attributes = attributes.iter().cloned().chain([description]).collect();
            NfTablesMessage::NewSet(SetMessage { attributes })
        };
        let message = match size {
            Some(size) => sized(size),
            None => NfTablesMessage::NewSet(SetMessage { attributes: attributes.clone() }),
        };
        if size.is_some() {
            let operation = format!("take the size of set {name} in table {} back", table.name);
            let message = nftables(sized(UNLIMITED));
            self.unlimited.push(Request { operation, flags: NLM_F_CREATE, message });
        }
        self.push(format!("make set {name} in table {}", table.name), NLM_F_CREATE, message);
    }

    fn chain(&mut self, table: &Table, chain: &Chain) {
        let mut attributes =
            vec![ChainAttribute::Table(table.name.to_owned()), ChainAttribute::Name(chain.name.to_owned())];
        if let Some(hook) = chain.hook {
            let place = vec![
                Hook::Number(HookNumber::Other(hook.number)),
                Hook::Priority(hook.priority.cast_unsigned()),
            ];
            attributes.extend([
                ChainAttribute::Hook(place),
                ChainAttribute::Policy(ACCEPT),
                ChainAttribute::Type(hook.kind.to_owned()),
            ]);
        }
        let message = NfTablesMessage::NewChain(ChainMessage { attributes });
        self.push(format!("make chain {} in table {}", chain.name, table.name), NLM_F_CREATE, message);
    }

    fn rules(&mut self, table: &Table, chain: &Chain, ruleset: &Ruleset) {
        for rule in &chain.rules {
            let attributes = vec![
                RuleAttribute::Table(table.name.to_owned()),
                RuleAttribute::Chain(chain.name.to_owned()),
                RuleAttribute::Expressions(expression::encode(&rule.expressions)),
                RuleAttribute::UserData(userdata(&ruleset.comment(rule))),
            ];
            let operation =
                format!("make rule {:?} of chain {} in table {}", rule.purpose, chain.name, table.name);
            self.push(
                operation,
                NLM_F_CREATE | NLM_F_APPEND,
                NfTablesMessage::NewRule(RuleMessage { attributes }),
            );
        }
    }
}

fn named(table: &Table) -> TableMessage {
    TableMessage { attributes: vec![TableAttribute::Name(table.name.to_owned())] }
}

/// A set as nftables sees it: its flags, the type of its keys and their length, the type of what they lead to.
pub(in crate::kernel) fn shape(keys: Keys) -> (SetFlags, u32, u32, Option<u32>) {
    // nftables' own numbers for types, so that `nft list` shows addresses and not bytes.
    const ADDRESS: u32 = 7;
    const MAC: u32 = 9;
    match keys {
        Keys::Addresses => (SetFlags::empty(), ADDRESS, 4, None),
        Keys::Blocks => (SetFlags::Interval, ADDRESS, 4, None),
        Keys::AddressToAddress => (SetFlags::Map, ADDRESS, 4, Some(ADDRESS)),
        Keys::AddressAndMac => (SetFlags::empty(), ADDRESS << 6 | MAC, 12, None),
    }
}

/// A counter's attribute that is nothing yet.
fn zero(kind: u8) -> Vec<u8> {
    let mut attribute = vec![12, 0, kind, 0];
    attribute.extend(0u64.to_be_bytes());
    attribute
}
