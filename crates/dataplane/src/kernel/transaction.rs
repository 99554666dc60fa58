//! One nftables transaction: the tables made anew, if asked for, and elements that come and go. All or nothing.

pub(super) mod elements;
pub(super) mod make;

use std::collections::BTreeMap;

use mooring_domain::nat::Op;
use netlink_packet_core::{DefaultNla, NLA_F_NESTED, NLM_F_ACK, NLM_F_CREATE};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
    nftables::{NfTablesMessage, SetElementList, SetElementMessage},
    none::ControlMessage,
};

use self::elements::{Elements, held, pair, range, single};
use super::{
    channel::Request,
    ruleset::{self, Ruleset},
    standing::Standing,
};

/// Bytes of elements in one message: the attribute that has them ends at 64 KiB.
const MOST: usize = 60_000;
/// With fewer elements a set is large enough soon.
const MANY: u32 = 1_000;
/// What of a size the kernel looks at when it makes a set.
const HINT: u32 = 0xffff;
const NFTABLES: u16 = 10;

/// A table and one of its sets.
pub(super) type Set = (&'static str, &'static str);

/// How many elements the sets get that get many, where they are made anew.
///
/// While a transaction is worked on the kernel doesn't come to making a set larger: it puts larger and larger ones beside
/// it, and looks for each new element in all of them. So it is told before.
#[derive(Debug, Default)]
pub(super) struct Sizes(BTreeMap<Set, u32>);

impl Sizes {
    /// Of these steps.
    pub(super) fn of(ops: &[Op]) -> Self {
        use ruleset::{EIP_TO_HAVIP, FENCE, HAVIP_TO_EIP, HAVIPS, HOLDERS, NAT, UNHELD};
        let mut sizes = BTreeMap::new();
        for op in ops {
            // Blocks are in trees, which need no size.
            let set = match op {
                Op::MapEip(..) => (NAT, EIP_TO_HAVIP),
                Op::MapHavip(..) => (NAT, HAVIP_TO_EIP),
                Op::AddHavip(_) => (FENCE, HAVIPS),
                Op::AddUnheld(_) => (FENCE, UNHELD),
                Op::AllowHolder(..) => (FENCE, HOLDERS),
                _ => continue,
            };
            *sizes.entry(set).or_default() += 1;
        }
        sizes.retain(|_, size| *size >= MANY);
        // The kernel makes a set as large as the lower sixteen bits say, and so not larger than for all of these.
        sizes.values_mut().filter(|size| **size > HINT).for_each(|size| *size |= HINT);
        Self(sizes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A transaction that is being put together.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    requests: Vec<Request<NetfilterMessage>>,
    pending: Vec<Pending>,
    standing: [Option<Standing>; 2],
    sizes: Sizes,
    /// What takes the sizes back.
    unlimited: Vec<Request<NetfilterMessage>>,
}

/// Elements of one set, not yet in a message. The order matters among those of one set alone.
#[derive(Debug)]
struct Pending {
    set: Set,
    added: bool,
    elements: Elements,
}

impl Transaction {
    /// One that makes the tables anew upon what stands of them.
    pub(super) fn upon(standing: [Option<Standing>; 2], sizes: Sizes) -> Self {
        Self { standing, sizes, ..Self::default() }
    }

    /// With all of these steps; those that are none of nftables' are left out.
    pub(super) fn of(ops: &[Op], mut transaction: Self, ruleset: &Ruleset) -> Self {
        for op in ops {
            match step(*op) {
                Some((set, added, elements)) => transaction.elements(set, added, &elements),
                None if *op == Op::MakeRuleset => transaction.make(ruleset),
                None => {}
            }
        }
        transaction
    }

    /// The messages, between the two that mark a transaction; nothing if there is nothing to do.
    pub(super) fn finish(mut self) -> Vec<Request<NetfilterMessage>> {
        self.flush();
        self.requests.append(&mut self.unlimited);
        let Some(last) = self.requests.last_mut() else { return self.requests };
        // Not of the mark at the end: older kernels acknowledge none.
        last.flags |= NLM_F_ACK;
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

    fn elements(&mut self, set: Set, added: bool, elements: &Elements) {
        let found = self.pending.iter().position(|pending| pending.set == set);
        let index = found.unwrap_or_else(|| {
            self.pending.push(Pending { set, added, elements: Elements::default() });
            self.pending.len() - 1
        });
        let pending = &mut self.pending[index];
        if pending.added != added || pending.elements.len() + elements.len() > MOST {
            let elements = std::mem::take(&mut pending.elements);
            let request = message(set, pending.added, elements);
            self.requests.extend(request);
        }
        let pending = &mut self.pending[index];
        pending.added = added;
        pending.elements.extend(elements);
    }

    fn flush(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let all =
            pending.into_iter().filter_map(|Pending { set, added, elements }| message(set, added, elements));
        self.requests.extend(all);
    }

    fn push(&mut self, operation: String, flags: u16, message: NfTablesMessage) {
        self.requests.push(Request { operation, flags, message: nftables(message) });
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

/// A step that puts an element into a set or takes one out: the set, which of both, the element.
fn step(op: Op) -> Option<(Set, bool, Elements)> {
    use ruleset::{EIP_TO_HAVIP, FENCE, HAVIP_TO_EIP, HAVIPS, HOLDERS, NAT, POOLS, SUBNETS, UNHELD};
    Some(match op {
        Op::AddSubnet(block) => ((NAT, SUBNETS), true, range(block)),
        Op::RemoveSubnet(block) => ((NAT, SUBNETS), false, range(block)),
        Op::AddPool(block) => ((NAT, POOLS), true, range(block)),
        Op::RemovePool(block) => ((NAT, POOLS), false, range(block)),
        Op::MapEip(eip, havip) => ((NAT, EIP_TO_HAVIP), true, pair(eip, havip)),
        Op::UnmapEip(eip) => ((NAT, EIP_TO_HAVIP), false, single(eip)),
        Op::MapHavip(havip, eip) => ((NAT, HAVIP_TO_EIP), true, pair(havip, eip)),
        Op::UnmapHavip(havip) => ((NAT, HAVIP_TO_EIP), false, single(havip)),
        Op::AddHavip(havip) => ((FENCE, HAVIPS), true, single(havip)),
        Op::RemoveHavip(havip) => ((FENCE, HAVIPS), false, single(havip)),
        Op::AddUnheld(havip) => ((FENCE, UNHELD), true, single(havip)),
        Op::RemoveUnheld(havip) => ((FENCE, UNHELD), false, single(havip)),
        Op::AllowHolder(havip, mac) => ((FENCE, HOLDERS), true, held(havip, mac)),
        Op::ForbidHolder(havip, mac) => ((FENCE, HOLDERS), false, held(havip, mac)),
        Op::MakeRuleset
        | Op::SetNeighbour(..)
        | Op::RemoveNeighbour(_)
        | Op::AddRoute(_)
        | Op::RemoveRoute(_) => return None,
    })
}

/// All of these elements in one message; nothing for none.
fn message((table, set): Set, added: bool, elements: Elements) -> Option<Request<NetfilterMessage>> {
    const ELEMENTS: u16 = 3;
    let count = elements.count();
    if count == 0 {
        return None;
    }
    let message = SetElementMessage {
        attributes: vec![
            SetElementList::Table(table.to_owned()),
            SetElementList::Set(set.to_owned()),
            SetElementList::Other(DefaultNla::new(ELEMENTS | NLA_F_NESTED, elements.into_bytes())),
        ],
    };
    let (operation, flags, message) = if added {
        let operation = format!("add {count} elements to {set} in table {table}");
        (operation, NLM_F_CREATE, NfTablesMessage::NewSetElement(message))
    } else {
        let operation = format!("remove {count} elements from {set} in table {table}");
        (operation, 0, NfTablesMessage::DeleteSetElement(message))
    };
    Some(Request { operation, flags, message: nftables(message) })
}
