//! The words that rules are made of: what one nftables expression does, said shortly.
//!
//! A rule goes on while its expressions match and stops ("breaks") at the first that does not, or whose read or write
//! would lie outside the packet. A write that breaks has changed nothing.

use crate::nat::DropReason;

/// One expression of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Read `length` bytes of the packet into a register.
    Load(At, u32, Register),
    /// Write the four bytes of a register into the packet.
    Write(Register, At, Mend),
    /// Go on if the register's bytes are so to these.
    Compare(Register, Relation, Vec<u8>),
    /// These bytes into a register.
    Set(Register, Vec<u8>),
    /// Keep the bits of the first, then turn those of the second.
    Bitwise(Register, Vec<u8>, Vec<u8>),
    /// Go on if the key is in the set.
    InSet(Register, &'static str),
    /// Go on if the key is not in the set.
    NotInSet(Register, &'static str),
    /// What the map has for the key, into another register; breaks if it has nothing.
    Translate(Register, &'static str, Register),
    /// Something about the packet that is not in it, into a register.
    Meta(Meta, Register),
    /// The packet's mark, from a register.
    SetMark(Register),
    /// Something about the packet's flow, into a register; breaks if the packet is not tracked.
    Flow(Flow, Register),
    /// The flow's mark, from a register.
    SetFlowMark(Register),
    /// Give the packet the gateway's own address on the link that it leaves by; with its answers, connection tracking
    /// takes that back.
    Masquerade,
    /// The packet is none of connection tracking's business.
    Notrack,
    /// The type of an address by the gateway's routes, into a register, in the machine's byte order.
    AddressType(Route, Register),
    /// Go on for so many packets a second, and so many at once.
    Limit(u64, u32),
    /// A copy of so many of the packet's first bytes to whoever listens to this group, at once.
    Log(u16, u32),
    /// Count it under this reason.
    Count(DropReason),
    /// What becomes of the packet.
    Verdict(Verdict),
}

/// What becomes of a packet at a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is dropped.
    Drop,
    /// Nothing more in this table; other tables go on.
    Accept,
    /// Back to the chain that jumped here.
    Return,
    /// On with another chain, and back here if it does not decide.
    Jump(&'static str),
}

/// How two runs of bytes must be to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same.
    Equal,
    /// Others.
    Other,
    /// The same or larger ones.
    AtLeast,
}

/// What is asked about a packet that is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meta {
    /// The name of the link that it came in by.
    FromLink,
    /// The name of the link that it goes out by.
    ToLink,
    /// The protocol behind the IP header.
    Protocol,
    /// Its mark, in the machine's byte order.
    Mark,
}

/// What is asked about a packet's flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// One byte: 0 as the flow began, 1 back.
    Direction,
    /// Its mark, in the machine's byte order.
    Mark,
}

/// Where in a packet: the base and the offset from it, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// From the Ethernet header.
    Link(u32),
    /// From the IP header.
    Network(u32),
    /// From the header behind the IP header; breaks in every fragment but the first.
    Transport(u32),
}

/// The IP source.
pub const SOURCE: At = At::Network(12);
/// The IP destination.
pub const DESTINATION: At = At::Network(16);

/// A register: its first byte among the 64 that all registers have together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// Four bytes.
    R0,
    /// Four bytes.
    R1,
    /// Four bytes.
    R4,
    /// Sixteen bytes, of which R0 and R1 are the first.
    Wide,
}

pub(super) use Register::{R0, R1, R4};

/// Bytes of a link's name in a register.
pub const NAME: usize = 16;

/// Which checksum a write mends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mend {
    /// The IP header's and, where there is one, the TCP, UDP or ICMP checksum that covers the addresses.
    Addresses,
    /// The 16 bits at this offset from the base of the write.
    At(u32),
}

/// Read `length` bytes into a register.
pub(super) const fn load(at: At, length: u32, into: Register) -> Expression {
    Expression::Load(at, length, into)
}

/// Write the four bytes of a register into the packet.
pub(super) const fn write(from: Register, at: At, mend: Mend) -> Expression {
    Expression::Write(from, at, mend)
}

/// Go on if the register has these bytes.
pub(super) fn is(register: Register, bytes: &[u8]) -> Expression {
    Expression::Compare(register, Relation::Equal, bytes.into())
}

/// Go on if the register has other bytes.
pub(super) fn is_not(register: Register, bytes: &[u8]) -> Expression {
    Expression::Compare(register, Relation::Other, bytes.into())
}

/// Go on if the register has these bytes, or larger ones.
pub(super) fn at_least(register: Register, bytes: &[u8]) -> Expression {
    Expression::Compare(register, Relation::AtLeast, bytes.into())
}

/// These bytes into a register.
pub(super) fn set(into: Register, bytes: &[u8]) -> Expression {
    Expression::Set(into, bytes.into())
}

/// Keep only the bits of the mask.
pub(super) fn mask(register: Register, bits: &[u8]) -> Expression {
    Expression::Bitwise(register, bits.into(), vec![0; bits.len()])
}

/// Go on if the key is in the set.
pub(super) const fn in_set(register: Register, set: &'static str) -> Expression {
    Expression::InSet(register, set)
}

/// Go on if the key is not in the set.
pub(super) const fn not_in_set(register: Register, set: &'static str) -> Expression {
    Expression::NotInSet(register, set)
}

/// What the map has for the key, into another register; breaks if it has nothing. One lookup.
pub(super) const fn translate(from: Register, map: &'static str, into: Register) -> Expression {
    Expression::Translate(from, map, into)
}

/// Go on if the packet came in through this link.
pub(super) fn from_link(name: &str) -> [Expression; 2] {
    link(Meta::FromLink, name)
}

/// Go on if the packet goes out through this link.
pub(super) fn to_link(name: &str) -> [Expression; 2] {
    link(Meta::ToLink, name)
}

/// By name and not by index: a link may go and come back.
fn link(key: Meta, name: &str) -> [Expression; 2] {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(NAME, 0);
    [Expression::Meta(key, Register::Wide), is(Register::Wide, &bytes)]
}

/// Go on if the packet is of this IP protocol.
pub(super) fn protocol(number: u8) -> [Expression; 2] {
    [Expression::Meta(Meta::Protocol, R0), is(R0, &[number])]
}

/// What the rules before routing tell those behind it about a packet: bits of its mark that no other program should use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It turns round here: its source is a HAVIP that has to become its EIP.
    Turned,
    /// It is tracked: its source has to become the gateway's own address.
    Tracked,
}

impl Mark {
    /// Its bit.
    pub const fn bit(self) -> u32 {
        match self {
            Self::Turned => 0x1000_0000,
            Self::Tracked => 0x2000_0000,
        }
    }
}

/// Keep the bits but this one, and turn it on.
fn turned_on(bit: u32) -> Expression {
    Expression::Bitwise(R4, (!bit).to_ne_bytes().into(), bit.to_ne_bytes().into())
}

/// Set this bit of the packet's mark, and leave the others.
pub(super) fn set_mark(mark: Mark) -> [Expression; 3] {
    [Expression::Meta(Meta::Mark, R4), turned_on(mark.bit()), Expression::SetMark(R4)]
}

/// Go on if this bit of the packet's mark is set.
pub(super) fn has_mark(mark: Mark) -> [Expression; 3] {
    let bit = mark.bit().to_ne_bytes();
    [Expression::Meta(Meta::Mark, R4), self::mask(R4, &bit), is(R4, &bit)]
}

/// Go on if either bit of the packet's mark is set.
pub(super) fn has_a_mark() -> [Expression; 3] {
    let bits = Mark::Turned.bit() | Mark::Tracked.bit();
    [Expression::Meta(Meta::Mark, R4), self::mask(R4, &bits.to_ne_bytes()), is_not(R4, &[0; 4])]
}

/// Remember with the flow that it is one of ours: the same bit as [`Mark::Tracked`], in its mark.
pub(super) fn remember() -> [Expression; 3] {
    [Expression::Flow(Flow::Mark, R4), turned_on(Mark::Tracked.bit()), Expression::SetFlowMark(R4)]
}

/// Go on if it answers in a flow that is one of ours.
pub(super) fn answers() -> [Expression; 5] {
    const REPLY: u8 = 1;
    let bit = Mark::Tracked.bit().to_ne_bytes();
    [
        Expression::Flow(Flow::Mark, R4),
        self::mask(R4, &bit),
        is(R4, &bit),
        Expression::Flow(Flow::Direction, R4),
        is(R4, &[REPLY]),
    ]
}

/// Give the packet the gateway's own address on the link that it leaves by.
pub(super) const fn masquerade() -> Expression {
    Expression::Masquerade
}

/// The packet is none of connection tracking's business.
pub(super) const fn notrack() -> Expression {
    Expression::Notrack
}

/// Which address a routing lookup is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The source.
    ToSource,
    /// The destination.
    ToDestination,
}

/// The kernel's number for an address of its own.
pub const LOCAL: u32 = 2;

/// Go on unless the address is one of the gateway's own.
pub(super) fn not_local(route: Route) -> [Expression; 2] {
    [Expression::AddressType(route, R4), is_not(R4, &LOCAL.to_ne_bytes())]
}

/// Go on if the address is one of the gateway's own.
pub(super) fn local(route: Route) -> [Expression; 2] {
    [Expression::AddressType(route, R4), is(R4, &LOCAL.to_ne_bytes())]
}

/// Go on for so many packets a second.
pub(super) const fn limit(per_second: u64, burst: u32) -> Expression {
    Expression::Limit(per_second, burst)
}

/// A copy of the first bytes of the packet to whoever listens to this group, at once.
pub(super) const fn log(group: u16, bytes: u32) -> Expression {
    Expression::Log(group, bytes)
}

/// Drop it and say nothing: for what the gateway itself should not have sent.
pub(super) const fn unsaid() -> Expression {
    Expression::Verdict(Verdict::Drop)
}

/// Count it under this reason and drop it.
pub(super) const fn dropped(reason: DropReason) -> [Expression; 2] {
    [Expression::Count(reason), Expression::Verdict(Verdict::Drop)]
}

/// Nothing more in this table; other tables go on.
pub(super) const fn accept() -> Expression {
    Expression::Verdict(Verdict::Accept)
}

/// Back to the chain that jumped here.
pub(super) const fn back() -> Expression {
    Expression::Verdict(Verdict::Return)
}

/// On with another chain, and back here if it does not decide.
pub(super) const fn jump(chain: &'static str) -> Expression {
    Expression::Verdict(Verdict::Jump(chain))
}
