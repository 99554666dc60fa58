//! The expressions of [`mooring_domain::nat::ruleset`] as nftables takes them over netlink.

use mooring_domain::nat::ruleset::expression::{
    At, Expression, Flow, Mend, Meta as About, Register as From, Relation, Route, Verdict as Fate,
};
use netlink_packet_core::{DefaultNla, Emitable};
use netlink_packet_netfilter::nftables::{
    Bitwise, ChecksumFlags, ChecksumType, Cmp, DataAttribute, ExpressionAttribute, Expressions, Immediate,
    ListAttribute, Lookup, Meta, MetaKey, Operator, Payload, Register, Verdict, VerdictAttribute,
};

use crate::DropReason;

/// One expression of a rule, as sent.
type Sent = ListAttribute<ExpressionAttribute>;

/// A rule's expressions, as sent.
pub(super) fn encode(expressions: &[Expression]) -> Vec<Sent> {
    expressions.iter().map(one).collect()
}

/// The bytes of a rule's expressions, as sent.
pub(super) fn bytes(expressions: &[Expression]) -> Vec<u8> {
    let expressions = encode(expressions);
    let mut bytes = vec![0; expressions.as_slice().buffer_len()];
    expressions.as_slice().emit(&mut bytes);
    bytes
}

fn one(expression: &Expression) -> Sent {
    match expression {
        Expression::Load(at, length, into) => load(*at, *length, *into),
        Expression::Write(from, at, mend) => write(*from, *at, *mend),
        Expression::Compare(of, relation, bytes) => compare(*of, *relation, bytes),
        Expression::Set(into, bytes) => {
            let data = Immediate::Data(DataAttribute::Value(bytes.clone()));
            Expressions::Immediate(vec![Immediate::DestinationRegister(register(*into)), data]).into()
        }
        Expression::Bitwise(of, kept, turned) => bitwise(register(*of), kept, turned),
        Expression::InSet(key, set) => lookup(*key, set, None),
        Expression::NotInSet(key, set) => {
            const INVERTED: u32 = 1;
            lookup(*key, set, Some(Lookup::Flags(INVERTED)))
        }
        Expression::Translate(key, map, into) => {
            let (set, into) = ((*map).to_owned(), Lookup::DestinationRegister(register(*into)));
            Expressions::Lookup(vec![Lookup::Set(set), Lookup::SourceRegister(register(*key)), into]).into()
        }
        Expression::Meta(about, into) => {
            let key = Meta::Key(meta(*about));
            Expressions::Meta(vec![Meta::DestinationRegister(register(*into)), key]).into()
        }
        Expression::SetMark(from) => {
            Expressions::Meta(vec![Meta::Key(MetaKey::Mark), Meta::SourceRegister(register(*from))]).into()
        }
        Expression::Flow(about, into) => {
            other("ct", vec![number(FLOW_INTO, register(*into).into()), number(FLOW_KEY, flow(*about))])
        }
        Expression::SetFlowMark(from) => {
            other("ct", vec![number(FLOW_KEY, FLOW_MARK), number(FLOW_FROM, register(*from).into())])
        }
        Expression::Masquerade => other("masq", Vec::new()),
        Expression::Notrack => ListAttribute::Element(vec![ExpressionAttribute::Name("notrack".to_owned())]),
        Expression::AddressType(route, into) => address_type(*route, *into),
        Expression::Limit(per_second, burst) => limit(*per_second, *burst),
        Expression::Log(group, bytes) => {
            let group = DefaultNla::new(1, group.to_be_bytes().into());
            let threshold = DefaultNla::new(4, 1u16.to_be_bytes().into());
            other("log", vec![group, number(3, *bytes), threshold])
        }
        Expression::Count(reason) => count(*reason),
        Expression::Verdict(fate) => verdict(*fate),
    }
}

fn register(register: From) -> Register {
    match register {
        From::R0 => Register::Reg32_00,
        From::R1 => Register::Reg32_01,
        From::R4 => Register::Reg32_04,
        From::Wide => Register::Reg1,
    }
}

fn place(at: At) -> [Payload; 2] {
    let (base, offset) = match at {
        At::Link(offset) => (0, offset),
        At::Network(offset) => (1, offset),
        At::Transport(offset) => (2, offset),
    };
    [Payload::Base(base), Payload::Offset(offset)]
}

fn load(at: At, length: u32, into: From) -> Sent {
    let [base, offset] = place(at);
    let into = Payload::DestinationRegister(register(into));
    Expressions::Payload(vec![into, base, offset, Payload::Len(length)]).into()
}

fn write(from: From, at: At, mend: Mend) -> Sent {
    let [base, offset] = place(at);
    let mut attributes = vec![Payload::SourceRegister(register(from)), base, offset, Payload::Len(4)];
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

fn compare(of: From, relation: Relation, bytes: &[u8]) -> Sent {
    let operator = match relation {
        Relation::Equal => Operator::Equal,
        Relation::Other => Operator::NotEqual,
        Relation::AtLeast => Operator::GreatherThanEqual,
    };
    let data = Cmp::Data(DataAttribute::Value(bytes.to_vec()));
    Expressions::Cmp(vec![Cmp::SourceRegister(register(of)), Cmp::Op(operator), data]).into()
}

fn bitwise(register: Register, kept: &[u8], turned: &[u8]) -> Sent {
    Expressions::Bitwise(vec![
        Bitwise::SourceRegister(register),
        Bitwise::DestinationRegister(register),
        Bitwise::Length(u32::try_from(kept.len()).unwrap_or(u32::MAX)),
        Bitwise::Mask(DataAttribute::Value(kept.to_vec())),
        Bitwise::Xor(DataAttribute::Value(turned.to_vec())),
    ])
    .into()
}

fn lookup(key: From, set: &str, flags: Option<Lookup>) -> Sent {
    let mut attributes = vec![Lookup::Set(set.to_owned()), Lookup::SourceRegister(register(key))];
    attributes.extend(flags);
    Expressions::Lookup(attributes).into()
}

fn meta(about: About) -> MetaKey {
    match about {
        About::FromLink => MetaKey::Iifname,
        About::ToLink => MetaKey::Oifname,
        About::Protocol => MetaKey::L4Proto,
        About::Mark => MetaKey::Mark,
    }
}

// Attributes and keys of what is asked of connection tracking.
const FLOW_INTO: u16 = 1;
const FLOW_KEY: u16 = 2;
const FLOW_FROM: u16 = 4;
const FLOW_DIRECTION: u32 = 1;
const FLOW_MARK: u32 = 3;

fn flow(about: Flow) -> u32 {
    match about {
        Flow::Direction => FLOW_DIRECTION,
        Flow::Mark => FLOW_MARK,
    }
}

fn address_type(route: Route, into: From) -> Sent {
    const ADDRESS_TYPE: u32 = 3;
    let flags: u32 = match route {
        Route::ToSource => 1,
        Route::ToDestination => 2,
    };
    let attributes = [(1, register(into).into()), (2, ADDRESS_TYPE), (3, flags)];
    other("fib", attributes.map(|(kind, value)| number(kind, value)).into())
}

fn limit(per_second: u64, burst: u32) -> Sent {
    let rate = DefaultNla::new(1, per_second.to_be_bytes().into());
    let unit = DefaultNla::new(2, 1u64.to_be_bytes().into());
    other("limit", vec![rate, unit, number(3, burst), number(4, 0), number(5, 0)])
}

fn count(reason: DropReason) -> Sent {
    let mut name = reason.word().as_bytes().to_vec();
    name.push(0);
    other("objref", vec![number(1, super::ruleset::COUNTER), DefaultNla::new(2, name)])
}

fn verdict(fate: Fate) -> Sent {
    let (code, chain) = match fate {
        Fate::Drop => (Verdict::Other(0), None),
        Fate::Accept => (Verdict::Other(1), None),
        Fate::Return => (Verdict::Return, None),
        Fate::Jump(chain) => (Verdict::Jump, Some(chain)),
    };
    let mut attributes = vec![VerdictAttribute::Code(code)];
    attributes.extend(chain.map(|chain| VerdictAttribute::Chain(chain.to_owned())));
    let data = Immediate::Data(DataAttribute::Verdict(attributes));
    Expressions::Immediate(vec![Immediate::DestinationRegister(Register::Verdict), data]).into()
}

fn other(name: &str, attributes: Vec<DefaultNla>) -> Sent {
    Expressions::Other { expression_type: name.to_owned(), attributes }.into()
}

fn number(kind: u16, value: u32) -> DefaultNla {
    DefaultNla::new(kind, value.to_be_bytes().into())
}
