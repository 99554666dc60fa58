//! One rule and one packet: what its expressions find, change and decide, as the kernel's do.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Gateway, Side,
    checksum::mended,
    packet::{Packet, TCP, UDP, UDP_LITE},
    tracking::{Flows, Tracked},
};
use crate::{
    address::Mac,
    nat::{
        Actual, DropReason,
        ruleset::{
            EIP_TO_HAVIP, HAVIP_TO_EIP, HAVIPS, HOLDERS, POOLS, SUBNETS, UNHELD,
            expression::{At, Expression, Flow, LOCAL, Mend, Meta, NAME, Register, Relation, Route, Verdict},
        },
    },
};

/// A packet on its way, and what the kernel carries with it.
pub(super) struct Passing<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) flows: &'a mut Flows,
    pub(super) packet: Packet,
    /// From whom it came; none for the gateway's own.
    pub(super) mac: Option<Mac>,
    pub(super) from: Option<Side>,
    pub(super) to: Option<Side>,
    pub(super) mark: u32,
    pub(super) tracked: Tracked,
    registers: [u8; 64],
}

/// Something that a rule did on its way to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Looked for this in that set or map, and found it, or this behind it.
    Found {
        /// The set or map.
        set: &'static str,
        /// What was looked for.
        key: Ipv4Addr,
        /// The MAC that was looked for with it.
        mac: Option<Mac>,
        /// What a map has for it.
        value: Option<Ipv4Addr>,
    },
    /// Wrote these four bytes, which are an address nearly always, over others.
    Wrote {
        /// Where.
        at: At,
        /// What was there.
        old: Ipv4Addr,
        /// What is there now.
        new: Ipv4Addr,
    },
    /// Counted the packet.
    Counted(DropReason),
    /// Connection tracking leaves it alone.
    Untracked,
    /// The packet has this mark now.
    Marked(u32),
    /// The source is to become the gateway's own.
    Masqueraded,
}

/// What became of a packet at a rule.
pub(super) enum Outcome {
    /// The rule did not apply.
    Broke,
    /// It did, and said nothing of what becomes of the packet.
    Went,
    /// It decided.
    Decided(Verdict),
}

impl<'a> Passing<'a> {
    pub(super) fn new(gateway: &'a Gateway, flows: &'a mut Flows, packet: Packet) -> Self {
        let registers = [0; 64];
        let tracked = Tracked::default();
        Self { gateway, flows, packet, mac: None, from: None, to: None, mark: 0, tracked, registers }
    }

    /// The rule's end, and what it did before.
    pub(super) fn rule(&mut self, expressions: &[Expression]) -> (Outcome, Vec<Deed>) {
        let mut deeds = Vec::new();
        for expression in expressions {
            if let Expression::Verdict(verdict) = expression {
                return (Outcome::Decided(*verdict), deeds);
            }
            if self.expression(expression, &mut deeds).is_none() {
                return (Outcome::Broke, deeds);
            }
            // The kernel accepts with it: nothing behind it is looked at.
            if matches!(expression, Expression::Masquerade) {
                return (Outcome::Decided(Verdict::Accept), deeds);
            }
        }
        (Outcome::Went, deeds)
    }

    /// `None`: the rule breaks here.
    fn expression(&mut self, expression: &Expression, deeds: &mut Vec<Deed>) -> Option<()> {
        match expression {
            Expression::Load(at, length, into) => {
                let bytes = self.read(*at, *length as usize)?;
                self.put(*into, &bytes);
            }
            Expression::Write(from, at, mend) => deeds.push(self.write(*from, *at, *mend)?),
            Expression::Compare(of, relation, bytes) => self.compare(*of, *relation, bytes)?,
            Expression::Set(into, bytes) => self.put(*into, bytes),
            Expression::Bitwise(of, kept, turned) => {
                let bits = kept.iter().zip(turned).zip(self.get(*of, kept.len()));
                let bytes: Vec<u8> = bits.map(|((kept, turned), byte)| byte & kept ^ turned).collect();
                self.put(*of, &bytes);
            }
            Expression::InSet(key, set) => deeds.push(self.found(*key, set)?),
            Expression::NotInSet(key, set) => return self.found(*key, set).is_none().then_some(()),
            Expression::Translate(key, map, into) => {
                let key = self.address(*key);
                let value = self.translated(key, map)?;
                deeds.push(Deed::Found { set: map, key, mac: None, value: Some(value) });
                self.put(*into, &value.octets());
            }
            Expression::Meta(about, into) => self.put(*into, &self.meta(*about)),
            Expression::SetMark(from) => {
                self.mark = self.number(*from);
                deeds.push(Deed::Marked(self.mark));
            }
            Expression::Flow(about, into) => {
                let bytes = self.flow(*about)?;
                self.put(*into, &bytes);
            }
            Expression::SetFlowMark(from) => self.flows.mark(self.tracked, self.number(*from))?,
            Expression::Masquerade => {
                self.tracked.lending = true;
                deeds.push(Deed::Masqueraded);
            }
            Expression::Notrack => {
                self.tracked.never = true;
                deeds.push(Deed::Untracked);
            }
            Expression::AddressType(route, into) => self.put(*into, &self.address_type(*route)),
            Expression::Count(reason) => deeds.push(Deed::Counted(*reason)),
            // A single packet is below every limit; who listens is none of the packet's business.
            Expression::Limit(..) | Expression::Log(..) | Expression::Verdict(_) => {}
        }
        Some(())
    }

    fn put(&mut self, into: Register, bytes: &[u8]) {
        let begin = first(into);
        let bytes = bytes.get(..bytes.len().min(64 - begin)).unwrap_or_default();
        // The kernel clears what is left of the last four bytes.
        let end = (begin + bytes.len().next_multiple_of(4)).min(64);
        self.registers[begin..end].fill(0);
        self.registers[begin..begin + bytes.len()].copy_from_slice(bytes);
    }

    fn get(&self, of: Register, length: usize) -> Vec<u8> {
        self.registers.iter().skip(first(of)).take(length).copied().collect()
    }

    fn number(&self, of: Register) -> u32 {
        self.get(of, 4).try_into().map_or(0, u32::from_ne_bytes)
    }

    fn address(&self, of: Register) -> Ipv4Addr {
        self.get(of, 4).try_into().map_or(Ipv4Addr::UNSPECIFIED, |bytes: [u8; 4]| bytes.into())
    }

    fn compare(&self, of: Register, relation: Relation, bytes: &[u8]) -> Option<()> {
        let found = self.get(of, bytes.len());
        let holds = match relation {
            Relation::Equal => found == bytes,
            Relation::Other => found != bytes,
            Relation::AtLeast => found.as_slice() >= bytes,
        };
        holds.then_some(())
    }

    /// From the IP header; `None` for a header that is not there.
    fn base(&self, at: At) -> Option<usize> {
        match at {
            At::Link(_) => None,
            At::Network(offset) => Some(offset as usize),
            At::Transport(_) if self.packet.fragment() > 0 => None,
            At::Transport(offset) => Some(self.packet.header() + offset as usize),
        }
    }

    fn read(&self, at: At, length: usize) -> Option<Vec<u8>> {
        if at == At::Link(6) {
            return self.mac.map(|mac| mac.0[..length.min(6)].to_vec());
        }
        let begin = self.base(at)?;
        self.packet.0.get(begin..begin + length).map(<[u8]>::to_vec)
    }

    fn write(&mut self, from: Register, at: At, mend: Mend) -> Option<Deed> {
        let (begin, new) = (self.base(at)?, self.get(from, 4));
        let old = self.packet.0.get(begin..begin + 4)?.to_vec();
        let mut sums = match (mend, at) {
            (Mend::Addresses, _) => vec![10],
            (Mend::At(offset), At::Transport(_)) => vec![self.packet.header() + offset as usize],
            (Mend::At(offset), _) => vec![offset as usize],
        };
        self.packet.number(sums[0])?;
        if mend == Mend::Addresses && self.packet.fragment() == 0 {
            let covers = matches!(self.packet.protocol(), TCP | UDP | UDP_LITE);
            sums.extend(self.packet.covering().filter(|_| covers));
        }
        for at in sums {
            let sum = self.packet.number(at)?;
            self.packet.set_number(at, mended(sum, &old, &new));
        }
        self.packet.0.get_mut(begin..begin + 4)?.copy_from_slice(&new);
        let address = |bytes: &[u8]| bytes.try_into().map(|bytes: [u8; 4]| Ipv4Addr::from(bytes)).ok();
        Some(Deed::Wrote { at, old: address(&old)?, new: address(&new)? })
    }

    fn found(&self, key: Register, set: &'static str) -> Option<Deed> {
        let address = self.address(key);
        let mac = || self.get(key, 10).get(4..).and_then(|bytes| bytes.try_into().ok()).map(Mac);
        let mac = (set == HOLDERS).then(mac).flatten();
        let (elements, ip) = (self.elements(), IpAddr::V4(address));
        let is_in = match set {
            SUBNETS => elements.subnets.iter().any(|block| block.contains(&ip)),
            POOLS => elements.pools.iter().any(|block| block.contains(&ip)),
            HAVIPS => elements.havips.contains(&ip),
            UNHELD => elements.unheld.contains(&ip),
            HOLDERS => mac.is_some_and(|mac| elements.fence.contains(&(ip, mac))),
            _ => false,
        };
        is_in.then_some(Deed::Found { set, key: address, mac, value: None })
    }

    fn translated(&self, key: Ipv4Addr, map: &str) -> Option<Ipv4Addr> {
        let map = match map {
            EIP_TO_HAVIP => &self.elements().eip_to_havip,
            HAVIP_TO_EIP => &self.elements().havip_to_eip,
            _ => return None,
        };
        match map.get(&IpAddr::V4(key)) {
            Some(IpAddr::V4(value)) => Some(*value),
            _ => None,
        }
    }

    fn elements(&self) -> &Actual {
        &self.gateway.elements
    }

    fn meta(&self, about: Meta) -> Vec<u8> {
        match about {
            Meta::FromLink => self.link(self.from),
            Meta::ToLink => self.link(self.to),
            Meta::Protocol => vec![self.packet.protocol()],
            Meta::Mark => self.mark.to_ne_bytes().into(),
        }
    }

    fn link(&self, side: Option<Side>) -> Vec<u8> {
        let name = side.map_or("", |side| self.gateway.link(side));
        let mut bytes = name.as_bytes().to_vec();
        bytes.resize(NAME, 0);
        bytes
    }

    fn flow(&self, about: Flow) -> Option<Vec<u8>> {
        let (mark, back) = self.flows.of(self.tracked)?;
        Some(match about {
            Flow::Mark => mark.to_ne_bytes().into(),
            Flow::Direction => vec![u8::from(back)],
        })
    }

    fn address_type(&self, route: Route) -> [u8; 4] {
        const UNICAST: u32 = 1;
        let address = match route {
            Route::ToSource => self.packet.source(),
            Route::ToDestination => self.packet.destination(),
        };
        if self.gateway.is_own(address) { LOCAL } else { UNICAST }.to_ne_bytes()
    }
}

fn first(register: Register) -> usize {
    match register {
        Register::R0 | Register::Wide => 0,
        Register::R1 => 4,
        Register::R4 => 16,
    }
}
