//! One nftables transaction: the tables made anew, if asked for, and elements that come and go. All or nothing.

pub(super) mod make;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use mooring_domain::{address::Mac, nat::Op};
use netlink_packet_core::NLM_F_CREATE;
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
    nftables::{
        DataAttribute, ListAttribute, NfTablesMessage, SetElementAttribute, SetElementFlags, SetElementList,
        SetElementMessage,
    },
    none::ControlMessage,
};

use super::{
    channel::Request,
    ruleset::{self, Ruleset},
    standing::Standing,
};

/// As many elements as surely fit into one message, whose list of elements ends at 64 KiB.
const CHUNK: usize = 500;
const NFTABLES: u16 = 10;

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
