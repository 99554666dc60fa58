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
    bitwise(register, bits, &vec![0; bits.len()])
}

/// Keep the bits of the mask, then turn those of the other.
fn bitwise(register: Register, bits: &[u8], turned: &[u8]) -> Expression {
    let length = bits.len();
    Expressions::Bitwise(vec![
        Bitwise::SourceRegister(register),
        Bitwise::DestinationRegister(register),
        Bitwise::Length(u32::try_from(length).unwrap_or(u32::MAX)),
        Bitwise::Mask(DataAttribute::Value(bits.to_vec())),
        Bitwise::Xor(DataAttribute::Value(turned.to_vec())),
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

/// What the rules before routing tell those behind it about a packet: bits of its mark that no other program should use.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    /// It turns round here: its source is a HAVIP that has to become its EIP.
    Turned,
    /// It is tracked: its source has to become the gateway's own address.
    Tracked,
}

impl Mark {
    const fn bit(self) -> u32 {
        match self {
            Self::Turned => 0x1000_0000,
            Self::Tracked => 0x2000_0000,
        }
    }
}

/// Set this bit of the packet's mark, and leave the others.
pub(super) fn set_mark(mark: Mark) -> [Expression; 3] {
    let bit = mark.bit();
    let set = Expressions::Meta(vec![Meta::Key(MetaKey::Mark), Meta::SourceRegister(R4)]).into();
    [meta(MetaKey::Mark, R4), bitwise(R4, &(!bit).to_ne_bytes(), &bit.to_ne_bytes()), set]
}

/// Go on if this bit of the packet's mark is set.
pub(super) fn has_mark(mark: Mark) -> [Expression; 3] {
    let bit = mark.bit().to_ne_bytes();
    [meta(MetaKey::Mark, R4), self::mask(R4, &bit), is(R4, &bit)]
}

/// Go on if either bit of the packet's mark is set.
pub(super) fn has_a_mark() -> [Expression; 3] {
    let bits = Mark::Turned.bit() | Mark::Tracked.bit();
    [meta(MetaKey::Mark, R4), self::mask(R4, &bits.to_ne_bytes()), is_not(R4, &[0; 4])]
}

/// Remember with the flow that it is one of ours: the same bit as [`Mark::Tracked`], in its mark.
pub(super) fn remember() -> [Expression; 3] {
    let bit = Mark::Tracked.bit();
    let set = other("ct", vec![number(FLOW_KEY, FLOW_MARK), number(FLOW_FROM, R4.into())]);
    [flow(FLOW_MARK), bitwise(R4, &(!bit).to_ne_bytes(), &bit.to_ne_bytes()), set]
}

/// Go on if it answers in a flow that is one of ours.
pub(super) fn answers() -> [Expression; 5] {
    const REPLY: u8 = 1;
    let bit = Mark::Tracked.bit().to_ne_bytes();
    [flow(FLOW_MARK), self::mask(R4, &bit), is(R4, &bit), flow(FLOW_DIRECTION), is(R4, &[REPLY])]
}

// Attributes and keys of what is asked of connection tracking.
const FLOW_INTO: u16 = 1;
const FLOW_KEY: u16 = 2;
const FLOW_FROM: u16 = 4;
const FLOW_DIRECTION: u32 = 1;
const FLOW_MARK: u32 = 3;

/// Breaks if the packet is not tracked.
fn flow(key: u32) -> Expression {
    other("ct", vec![number(FLOW_INTO, R4.into()), number(FLOW_KEY, key)])
}

/// Give the packet the gateway's own address on the link that it leaves by; with its answers, connection tracking takes
/// that back.
pub(super) fn masquerade() -> Expression {
    other("masq", Vec::new())
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
    [address_type(route), is_not(R4, &RTN_LOCAL.to_ne_bytes())]
}

/// Go on if the address is one of the gateway's own.
pub(super) fn local(route: Route) -> [Expression; 2] {
    [address_type(route), is(R4, &RTN_LOCAL.to_ne_bytes())]
}

const RTN_LOCAL: u32 = 2;

fn address_type(route: Route) -> Expression {
    const ADDRESS_TYPE: u32 = 3;
    let flags: u32 = match route {
        Route::ToSource => 1,
        Route::ToDestination => 2,
    };
    let attributes = [(1, R4.into()), (2, ADDRESS_TYPE), (3, flags)];
    other("fib", attributes.map(|(kind, value)| number(kind, value)).into())
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

/// Drop it and say nothing: for what the gateway itself should not have sent.
pub(super) fn unsaid() -> Expression {
    verdict(Verdict::Other(0), None)
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
