//! One nftables transaction: the tables made anew, if asked for, and elements that come and go. All or nothing.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use ipnet::IpNet;
use mooring_domain::{address::Mac, nat::Op};
use netlink_packet_core::{DefaultNla, NLM_F_APPEND, NLM_F_CREATE};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
    nftables::{
        ChainAttribute, ChainMessage, DataAttribute, Hook, HookNumber, ListAttribute, NfTablesMessage,
        RuleAttribute, RuleMessage, SetAttribute, SetElementAttribute, SetElementFlags, SetElementList,
        SetElementMessage, SetFlags, SetMessage, TableAttribute, TableMessage,
    },
    none::ControlMessage,
};

use super::{
    channel::Request,
    ruleset::{self, Chain, Keys, Ruleset, Table},
    standing::Standing,
    table::string,
};
use crate::DropReason;

/// As many elements as surely fit into one message, whose list of elements ends at 64 KiB.
const CHUNK: usize = 500;
const NFTABLES: u16 = 10;
/// The policy of all our base chains.
pub(super) const ACCEPT: u32 = 1;

type Element = Vec<SetElementAttribute>;

/// A transaction that is being put together.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    requests: Vec<Request<NetfilterMessage>>,
    pending: Pending,
    standing: [Option<Standing>; 2],
}

/// Elements that came one after the other for the same set, not yet in a message.
#[derive(Debug, Default)]
struct Pending {
    table: &'static str,
    set: &'static str,
    added: bool,
    elements: Vec<Element>,
}

impl Transaction {
    /// One that makes the tables anew upon what stands of them.
    pub(super) fn upon(standing: [Option<Standing>; 2]) -> Self {
        Self { standing, ..Self::default() }
    }

    /// Take one step; `false` if it is none of nftables'.
    pub(super) fn take(&mut self, op: Op, ruleset: &Ruleset) -> bool {
        use ruleset::{EIP_TO_HAVIP, FENCE, HAVIP_TO_EIP, HAVIPS, HOLDERS, NAT, POOLS, SUBNETS, UNHELD};
        match op {
            Op::MakeRuleset => self.make(ruleset),
            Op::AddSubnet(block) => self.elements(NAT, SUBNETS, true, range(block)),
            Op::RemoveSubnet(block) => self.elements(NAT, SUBNETS, false, range(block)),
            Op::AddPool(block) => self.elements(NAT, POOLS, true, range(block)),
            Op::RemovePool(block) => self.elements(NAT, POOLS, false, range(block)),
            Op::MapEip(eip, havip) => self.elements(NAT, EIP_TO_HAVIP, true, pair(eip, havip)),
            Op::UnmapEip(eip) => self.elements(NAT, EIP_TO_HAVIP, false, single(eip)),
            Op::MapHavip(havip, eip) => self.elements(NAT, HAVIP_TO_EIP, true, pair(havip, eip)),
            Op::UnmapHavip(havip) => self.elements(NAT, HAVIP_TO_EIP, false, single(havip)),
            Op::AddHavip(havip) => self.elements(FENCE, HAVIPS, true, single(havip)),
            Op::RemoveHavip(havip) => self.elements(FENCE, HAVIPS, false, single(havip)),
            Op::AddUnheld(havip) => self.elements(FENCE, UNHELD, true, single(havip)),
            Op::RemoveUnheld(havip) => self.elements(FENCE, UNHELD, false, single(havip)),
            Op::AllowHolder(havip, mac) => self.elements(FENCE, HOLDERS, true, held(havip, mac)),
            Op::ForbidHolder(havip, mac) => self.elements(FENCE, HOLDERS, false, held(havip, mac)),
            Op::SetNeighbour(..) | Op::RemoveNeighbour(_) | Op::AddRoute(_) | Op::RemoveRoute(_) => {
                return false;
            }
        }
        true
    }

    /// The messages, between the two that mark a transaction; nothing if there is nothing to do.
    pub(super) fn finish(mut self) -> Vec<Request<NetfilterMessage>> {
        self.flush();
        if self.requests.is_empty() {
            return self.requests;
        }
        let mark = |operation: &str, message| Request {
            operation: operation.to_owned(),
            flags: 0,
            message: NetfilterMessage::new(
                NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, NFTABLES),
                NetfilterMessageInner::None(message),
            ),
        };
        self.requests.insert(0, mark("begin a transaction", ControlMessage::BatchBegin));
        self.requests.push(mark("end a transaction", ControlMessage::BatchEnd));
        self.requests
    }

    fn elements(&mut self, table: &'static str, set: &'static str, added: bool, elements: Vec<Element>) {
        let pending = &self.pending;
        if (pending.table, pending.set, pending.added) != (table, set, added)
            || pending.elements.len() + elements.len() > CHUNK
        {
            self.flush();
        }
        self.pending.table = table;
        self.pending.set = set;
        self.pending.added = added;
        self.pending.elements.extend(elements);
    }

    fn flush(&mut self) {
        let Pending { table, set, added, elements } = std::mem::take(&mut self.pending);
        if elements.is_empty() {
            return;
        }
        let count = elements.len();
        let message = SetElementMessage {
            attributes: vec![
                SetElementList::Table(table.to_owned()),
                SetElementList::Set(set.to_owned()),
                SetElementList::Elements(elements.into_iter().map(ListAttribute::Element).collect()),
            ],
        };
        if added {
            let operation = format!("add {count} elements to {set} in table {table}");
            self.push(operation, NLM_F_CREATE, NfTablesMessage::NewSetElement(message));
        } else {
            let operation = format!("remove {count} elements from {set} in table {table}");
            self.push(operation, 0, NfTablesMessage::DeleteSetElement(message));
        }
    }

    fn push(&mut self, operation: String, flags: u16, message: NfTablesMessage) {
        self.requests.push(Request { operation, flags, message: nftables(message) });
    }

    /// In one transaction with whatever follows: no packet sees a moment without the tables.
    fn make(&mut self, ruleset: &Ruleset) {
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

    /// The table as a whole goes, with whatever is in it, and is there again, empty.
    fn replace(&mut self, table: &Table) {
        let name = || TableMessage { attributes: vec![TableAttribute::Name(table.name.to_owned())] };
        // Only what is there can be deleted, so first of all it is.
        for (word, flags, message) in [
            ("find or make", NLM_F_CREATE, NfTablesMessage::NewTable(name())),
            ("delete", 0, NfTablesMessage::DeleteTable(name())),
            ("make", NLM_F_CREATE, NfTablesMessage::NewTable(name())),
        ] {
            self.push(format!("{word} table {}", table.name), flags, message);
        }
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

    fn set(&mut self, table: &Table, name: &str, keys: Keys, id: u32) {
        let (flags, kind, length, data) = shape(keys);
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
        let message = NfTablesMessage::NewSet(SetMessage { attributes });
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
                RuleAttribute::Expressions(rule.expressions.clone()),
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

/// A set as nftables sees it: its flags, the type of its keys and their length, the type of what they lead to.
pub(super) fn shape(keys: Keys) -> (SetFlags, u32, u32, Option<u32>) {
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

/// An nftables message about our family of tables.
pub(super) fn nftables(message: NfTablesMessage) -> NetfilterMessage {
    NetfilterMessage::new(NetfilterHeader::new(NetfilterProtoFamily::IPv4, 0, 0), message)
}

/// A comment, as the `nft` command stores it: type 0, length, text with a zero at its end.
pub(super) fn userdata(comment: &str) -> Vec<u8> {
    let mut text: Vec<u8> = comment.bytes().take(120).collect();
    text.push(0);
    [&[0, u8::try_from(text.len()).unwrap_or(u8::MAX)][..], &text].concat()
}

/// A counter's attribute that is nothing yet.
fn zero(kind: u8) -> Vec<u8> {
    let mut attribute = vec![12, 0, kind, 0];
    attribute.extend(0u64.to_be_bytes());
    attribute
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

fn key(bytes: Vec<u8>) -> SetElementAttribute {
    SetElementAttribute::Key(DataAttribute::Value(bytes))
}

fn single(address: IpAddr) -> Vec<Element> {
    vec![vec![key(octets(address))]]
}

fn pair(from: IpAddr, to: IpAddr) -> Vec<Element> {
    vec![vec![key(octets(from)), SetElementAttribute::Data(DataAttribute::Value(octets(to)))]]
}

fn held(havip: IpAddr, mac: Mac) -> Vec<Element> {
    vec![vec![key([&octets(havip)[..], &mac.0, &[0, 0]].concat())]]
}

/// Two elements: where the block begins, and the first address behind it.
fn range(block: IpNet) -> Vec<Element> {
    let IpNet::V4(block) = block else { return Vec::new() };
    let mut elements = vec![vec![key(block.network().octets().into())]];
    // A block that ends with the last address of all has nothing behind it.
    if let Some(behind) = u32::from(block.broadcast()).checked_add(1) {
        let end = SetElementAttribute::Flags(SetElementFlags::IntervalEnd);
        elements.push(vec![key(Ipv4Addr::from(behind).octets().into()), end]);
    }
    elements
}
