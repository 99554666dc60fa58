//! One rule as nft's statements: registers are followed, and what is in them is said where it is used.

use mooring_domain::nat::ruleset::{
    Expression, HOLDERS,
    expression::{At, DESTINATION, Flow, LOCAL, Mend, Meta, Register, Relation, Route, SOURCE, Verdict},
};

/// What is in a register.
#[derive(Clone, Debug)]
enum Value {
    /// An address of the packet's own header.
    Address(&'static str),
    /// Other bytes of the packet.
    Raw(String),
    /// The name of a link.
    Link(&'static str),
    /// A mark, and which of its bits are kept and turned.
    Mark { of: &'static str, kept: u32, turned: u32 },
    /// Whether the packet answers in its flow.
    Direction,
    /// The type of an address.
    AddressType(&'static str),
    /// What a map has for an address.
    Mapped { key: &'static str, map: &'static str },
}

/// What is in the registers, by their order.
#[derive(Default)]
struct Registers([Option<Value>; 4]);

impl Registers {
    fn put(&mut self, register: Register, value: Value) {
        self.0[index(register)] = Some(value);
    }

    fn get(&self, register: Register) -> Option<&Value> {
        self.0[index(register)].as_ref()
    }

    fn address(&self, register: Register) -> Option<&'static str> {
        match self.get(register)? {
            Value::Address(field) => Some(field),
            _ => None,
        }
    }
}

fn index(register: Register) -> usize {
    match register {
        Register::R0 => 0,
        Register::R1 => 1,
        Register::R4 => 2,
        Register::Wide => 3,
    }
}

/// The statements, or none if nft can't say one of them.
pub(super) fn statements(expressions: &[Expression]) -> Option<String> {
    let (mut registers, mut said) = (Registers::default(), Vec::new());
    for expression in expressions {
        statement(expression, &mut registers, &mut said)?;
    }
    Some(said.join(" "))
}

fn statement(expression: &Expression, registers: &mut Registers, said: &mut Vec<String>) -> Option<()> {
    match expression {
        Expression::Load(at, length, into) => registers.put(*into, loaded(*at, *length)),
        Expression::Meta(what, into) => registers.put(*into, meta(*what)),
        Expression::Flow(Flow::Direction, into) => registers.put(*into, Value::Direction),
        Expression::Flow(Flow::Mark, into) => registers.put(*into, mark("ct mark")),
        Expression::AddressType(Route::ToSource, into) => registers.put(*into, Value::AddressType("saddr")),
        Expression::AddressType(Route::ToDestination, into) => {
            registers.put(*into, Value::AddressType("daddr"));
        }
        Expression::Bitwise(register, kept, turned) => {
            let Value::Mark { of, .. } = registers.get(*register)?.clone() else { return None };
            let (kept, turned) = (number(kept)?, number(turned)?);
            registers.put(*register, Value::Mark { of, kept, turned });
        }
        Expression::Translate(key, map, into) => {
            let key = registers.address(*key)?;
            said.push(format!("{key} @{map}"));
            registers.put(*into, Value::Mapped { key, map });
        }
        Expression::Write(from, at, Mend::Addresses) => said_write(registers.get(*from)?, *at, said)?,
        Expression::Write(_, _, Mend::At(_)) | Expression::Set(..) => return None,
        Expression::Compare(register, relation, bytes) => {
            said.push(compared(registers.get(*register)?, *relation, bytes)?);
        }
        Expression::InSet(register, set) if *set == HOLDERS => {
            said.push(format!("{} . ether saddr @{set}", registers.address(*register)?));
        }
        Expression::InSet(register, set) => said.push(format!("{} @{set}", registers.address(*register)?)),
        Expression::NotInSet(register, set) => {
            said.push(format!("{} != @{set}", registers.address(*register)?))
        }
        Expression::SetMark(from) | Expression::SetFlowMark(from) => {
            let Value::Mark { of, kept, turned } = registers.get(*from)? else { return None };
            if *kept != !*turned {
                return None;
            }
            said.push(format!("{of} set {of} | {turned:#x}"));
        }
        other => said.push(plain(other)?),
    }
    Some(())
}

/// What is said without any register.
fn plain(expression: &Expression) -> Option<String> {
    Some(match expression {
        Expression::Masquerade => "masquerade".to_owned(),
        Expression::Notrack => "notrack".to_owned(),
        Expression::Limit(rate, burst) => format!("limit rate {rate}/second burst {burst} packets"),
        Expression::Log(group, bytes) => format!("log group {group} snaplen {bytes} queue-threshold 1"),
        Expression::Count(reason) => format!("counter name \"{}\"", reason.word()),
        Expression::Verdict(Verdict::Drop) => "drop".to_owned(),
        Expression::Verdict(Verdict::Accept) => "accept".to_owned(),
        Expression::Verdict(Verdict::Return) => "return".to_owned(),
        Expression::Verdict(Verdict::Jump(chain)) => format!("jump {chain}"),
        _ => return None,
    })
}

fn loaded(at: At, length: u32) -> Value {
    let raw = |base: &str, offset: u32| Value::Raw(format!("@{base},{},{}", offset * 8, length * 8));
    match at {
        SOURCE => Value::Address("ip saddr"),
        DESTINATION => Value::Address("ip daddr"),
        At::Link(offset) => raw("ll", offset),
        At::Network(offset) => raw("nh", offset),
        At::Transport(offset) => raw("th", offset),
    }
}

fn meta(what: Meta) -> Value {
    match what {
        Meta::FromLink => Value::Link("iifname"),
        Meta::ToLink => Value::Link("oifname"),
        Meta::Protocol => Value::Raw("meta l4proto".to_owned()),
        Meta::Mark => mark("meta mark"),
    }
}

fn mark(of: &'static str) -> Value {
    Value::Mark { of, kept: u32::MAX, turned: 0 }
}

/// A lookup that was said to be there just before need not be made twice.
fn said_write(value: &Value, at: At, said: &mut Vec<String>) -> Option<()> {
    let (Value::Mapped { key, map }, Value::Address(field)) = (value, loaded(at, 4)) else { return None };
    if said.last().is_some_and(|last| *last == format!("{key} @{map}")) {
        said.pop();
    }
    said.push(format!("{field} set {key} map @{map}"));
    Some(())
}

fn compared(value: &Value, relation: Relation, bytes: &[u8]) -> Option<String> {
    let sign = match relation {
        Relation::Equal => "==",
        Relation::Other => "!=",
        Relation::AtLeast => ">=",
    };
    Some(match value {
        Value::Link(which) => {
            let name = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
            format!("{which} {sign} \"{name}\"")
        }
        Value::Mark { of, kept, turned: 0 } => format!("{of} & {kept:#x} {sign} {:#x}", number(bytes)?),
        Value::Direction => {
            format!("ct direction {sign} {}", if bytes == [0] { "original" } else { "reply" })
        }
        Value::AddressType(which) if number(bytes)? == LOCAL => format!("fib {which} type {sign} local"),
        Value::Raw(what) => {
            let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            format!("{what} {sign} {number:#x}")
        }
        _ => return None,
    })
}

/// Of four bytes in the machine's order.
fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_ne_bytes)
}
