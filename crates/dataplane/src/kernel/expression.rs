//! The words that rules are made of: what one nftables expression does, said shortly.
//!
//! A rule goes on while its expressions match and stops ("breaks") at the first that does not, or whose read or write
//! would lie outside the packet. A write that breaks has changed nothing.

use netlink_packet_core::{DefaultNla, Emitable};
use netlink_packet_netfilter::nftables::{
    Bitwise, ChecksumFlags, ChecksumType, Cmp, DataAttribute, ExpressionAttribute, Expressions, Immediate,
    ListAttribute, Lookup, Meta, MetaKey, Operator, Payload, Register, Verdict, VerdictAttribute,
};

use crate::DropReason;

/// One expression of a rule.
pub(super) type Expression = ListAttribute<ExpressionAttribute>;

/// Where in a packet: the base and the offset from it, in bytes.
#[derive(Clone, Copy)]
pub(super) enum At {
    /// From the Ethernet header.
    Link(u32),
    /// From the IP header.
    Network(u32),
    /// From the header behind the IP header; breaks in every fragment but the first.
    Transport(u32),
}

impl At {
    fn payload(self) -> [Payload; 2] {
        let (base, offset) = match self {
            Self::Link(offset) => (0, offset),
            Self::Network(offset) => (1, offset),
            Self::Transport(offset) => (2, offset),
        };
        [Payload::Base(base), Payload::Offset(offset)]
    }
}

/// The IP source.
pub(super) const SOURCE: At = At::Network(12);
/// The IP destination.
pub(super) const DESTINATION: At = At::Network(16);

/// Registers of four bytes.
pub(super) const R0: Register = Register::Reg32_00;
pub(super) const R1: Register = Register::Reg32_01;
pub(super) const R4: Register = Register::Reg32_04;

/// Which checksum a write mends.
#[derive(Clone, Copy)]
pub(super) enum Mend {
    /// The IP header's and, where there is one, the TCP, UDP or ICMP checksum that covers the addresses.
    Addresses,
    /// The 16 bits at this offset from the base of the write.
    At(u32),
}

/// Read `length` bytes into a register.
pub(super) fn load(at: At, length: u32, into: Register) -> Expression {
    let [base, offset] = at.payload();
    Expressions::Payload(vec![Payload::DestinationRegister(into), base, offset, Payload::Len(length)]).into()
}

/// Write the four bytes of a register into the packet.
pub(super) fn write(from: Register, at: At, mend: Mend) -> Expression {
    let [base, offset] = at.payload();
    let mut attributes = vec![Payload::SourceRegister(from), base, offset, Payload::Len(4)];
    attributes.push(Payload::CsumType(ChecksumType::Inet));
    match mend {
        // 10: where an IP header has its own checksum.
        Mend::Addresses => {
            attributes.extend([Payload::CsumOffset(10), Payload::CsumFlags(ChecksumFlags::L4PseudoHeader)])
        }
        Mend::At(offset) => attributes.push(Payload::CsumOffset(offset)),
    }
    Expressions::Payload(attributes).into()
}

/// Go on if the register has these bytes.
pub(super) fn is(register: Register, bytes: &[u8]) -> Expression {
    compare(register, Operator::Equal, bytes)
}

/// Go on if the register has other bytes.
pub(super) fn is_not(register: Register, bytes: &[u8]) -> Expression {
    compare(register, Operator::NotEqual, bytes)
}

/// Go on if the register has these bytes, or larger ones.
pub(super) fn at_least(register: Register, bytes: &[u8]) -> Expression {
    compare(register, Operator::GreatherThanEqual, bytes)
}

/// These bytes into a register.
pub(super) fn set(into: Register, bytes: &[u8]) -> Expression {
    let data = Immediate::Data(DataAttribute::Value(bytes.to_vec()));
    Expressions::Immediate(vec![Immediate::DestinationRegister(into), data]).into()
}

fn compare(register: Register, operator: Operator, bytes: &[u8]) -> Expression {
    let data = Cmp::Data(DataAttribute::Value(bytes.to_vec()));
    Expressions::Cmp(vec![Cmp::SourceRegister(register), Cmp::Op(operator), data]).into()
}

/// Keep only the bits of the mask.
pub(super) fn mask(register: Register, bits: &[u8]) -> Expression {
    let length = bits.len();
    Expressions::Bitwise(vec![
        Bitwise::SourceRegister(register),
        Bitwise::DestinationRegister(register),
        Bitwise::Length(u32::try_from(length).unwrap_or(u32::MAX)),
        Bitwise::Mask(DataAttribute::Value(bits.to_vec())),
        Bitwise::Xor(DataAttribute::Value(vec![0; length])),
    ])
    .into()
}

/// Go on if the key is in the set.
pub(super) fn in_set(register: Register, set: &str) -> Expression {
    Expressions::Lookup(vec![Lookup::Set(set.to_owned()), Lookup::SourceRegister(register)]).into()
}

/// Go on if the key is not in the set.
pub(super) fn not_in_set(register: Register, set: &str) -> Expression {
    const INVERTED: u32 = 1;
    let flags = Lookup::Flags(INVERTED);
    Expressions::Lookup(vec![Lookup::Set(set.to_owned()), Lookup::SourceRegister(register), flags]).into()
}

/// What the map has for the key, into another register; breaks if it has nothing. One lookup.
pub(super) fn translate(from: Register, map: &str, into: Register) -> Expression {
    let (set, key, value) = (map.to_owned(), Lookup::SourceRegister(from), Lookup::DestinationRegister(into));
    Expressions::Lookup(vec![Lookup::Set(set), key, value]).into()
}

/// Go on if the packet came in through this link.
pub(super) fn from_link(name: &str) -> [Expression; 2] {
    link(MetaKey::Iifname, name)
}

/// Go on if the packet goes out through this link.
pub(super) fn to_link(name: &str) -> [Expression; 2] {
    link(MetaKey::Oifname, name)
}

/// By name and not by index: a link may go and come back.
fn link(key: MetaKey, name: &str) -> [Expression; 2] {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(libc::IFNAMSIZ, 0);
    [meta(key, Register::Reg1), is(Register::Reg1, &bytes)]
}

/// Go on if the packet is of this IP protocol.
pub(super) fn protocol(number: u8) -> [Expression; 2] {
    [meta(MetaKey::L4Proto, R0), is(R0, &[number])]
}

fn meta(key: MetaKey, into: Register) -> Expression {
    Expressions::Meta(vec![Meta::DestinationRegister(into), Meta::Key(key)]).into()
}

/// The packet is none of connection tracking's business.
pub(super) fn notrack() -> Expression {
    ListAttribute::Element(vec![ExpressionAttribute::Name("notrack".to_owned())])
}

/// Which address a routing lookup is about.
#[derive(Clone, Copy)]
pub(super) enum Route {
    /// The source.
    ToSource,
    /// The destination.
    ToDestination,
}

/// Go on unless the address is one of the gateway's own.
pub(super) fn not_local(route: Route) -> [Expression; 2] {
    const ADDRESS_TYPE: u32 = 3;
    const RTN_LOCAL: u32 = 2;
    let flags: u32 = match route {
        Route::ToSource => 1,
        Route::ToDestination => 2,
    };
    let attributes = [(1, R4.into()), (2, ADDRESS_TYPE), (3, flags)];
    [
        other("fib", attributes.map(|(kind, value)| number(kind, value)).into()),
        is_not(R4, &RTN_LOCAL.to_ne_bytes()),
    ]
}

/// Go on for so many packets a second.
pub(super) fn limit(per_second: u64, burst: u32) -> Expression {
    let rate = DefaultNla::new(1, per_second.to_be_bytes().into());
    let unit = DefaultNla::new(2, 1u64.to_be_bytes().into());
    other("limit", vec![rate, unit, number(3, burst), number(4, 0), number(5, 0)])
}

/// A copy of the first bytes of the packet to whoever listens to this group, at once.
pub(super) fn log(group: u16, bytes: u32) -> Expression {
    let group = DefaultNla::new(1, group.to_be_bytes().into());
    let threshold = DefaultNla::new(4, 1u16.to_be_bytes().into());
    other("log", vec![group, number(3, bytes), threshold])
}

/// Count it under this reason and drop it.
pub(super) fn dropped(reason: DropReason) -> [Expression; 2] {
    let mut name = reason.word().as_bytes().to_vec();
    name.push(0);
    let counter = other("objref", vec![number(1, super::ruleset::COUNTER), DefaultNla::new(2, name)]);
    [counter, verdict(Verdict::Other(0), None)]
}

/// Nothing more in this table; other tables go on.
pub(super) fn accept() -> Expression {
    verdict(Verdict::Other(1), None)
}

/// Back to the chain that jumped here.
pub(super) fn back() -> Expression {
    verdict(Verdict::Return, None)
}

/// On with another chain, and back here if it does not decide.
pub(super) fn jump(chain: &str) -> Expression {
    verdict(Verdict::Jump, Some(chain))
}

fn verdict(verdict: Verdict, chain: Option<&str>) -> Expression {
    let mut attributes = vec![VerdictAttribute::Code(verdict)];
    attributes.extend(chain.map(|chain| VerdictAttribute::Chain(chain.to_owned())));
    let data = Immediate::Data(DataAttribute::Verdict(attributes));
    Expressions::Immediate(vec![Immediate::DestinationRegister(Register::Verdict), data]).into()
}

fn other(name: &str, attributes: Vec<DefaultNla>) -> Expression {
    Expressions::Other { expression_type: name.to_owned(), attributes }.into()
}

fn number(kind: u16, value: u32) -> DefaultNla {
    DefaultNla::new(kind, value.to_be_bytes().into())
}

/// The bytes of a rule's expressions, as sent.
pub(super) fn bytes(expressions: &[Expression]) -> Vec<u8> {
    let mut bytes = vec![0; expressions.buffer_len()];
    expressions.emit(&mut bytes);
    bytes
}
