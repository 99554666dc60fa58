//! What the rules do, chain by chain. `docs/design/dataplane.md` draws the way of a packet through them.

use super::{
    EIP_TO_HAVIP, FENCE_GROUP, HAVIP_TO_EIP, HAVIPS, HOLDERS, POOLS, Rule, SUBNETS, UNHELD,
    expression::{
        At, DESTINATION, Expression, Mend, R0, R1, Route, SOURCE, accept, at_least, back, dropped, from_link,
        in_set, is, is_not, jump, limit, load, log, mask, not_in_set, not_local, notrack, protocol, set,
        to_link, translate, write,
    },
    hairpin, rule,
};
use crate::nat::DropReason;

pub(super) const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Offsets in an ICMP error from its own header: the quoted packet begins at 8, without options its payload at 28.
pub(super) mod quoted {
    pub const VERSION_AND_LENGTH: u32 = 8;
    pub const FRAGMENT: u32 = 14;
    pub const PROTOCOL: u32 = 17;
    pub const IP_CHECKSUM: u32 = 18;
    pub const SOURCE: u32 = 20;
    pub const DESTINATION: u32 = 24;
    pub const UDP_CHECKSUM: u32 = 34;
    pub const TCP_CHECKSUM: u32 = 44;
}
/// Of an IP header.
const IP_CHECKSUM: u32 = 10;
/// Of an ICMP header.
const ICMP_CHECKSUM: u32 = 2;

/// Copies a second that the fence makes of what it drops: each may make the gateway ask who the holder is.
const FENCED_PER_SECOND: u64 = 50;
/// The IP header and its addresses.
const FENCED_BYTES: u32 = 20;

/// Words of IP options that a header can have, each of four bytes.
const OPTION_WORDS: u8 = 10;

/// What has IP options, to have them blanked: a route or timestamps recorded in them would tell private addresses.
pub(super) fn with_options() -> [Expression; 3] {
    const PLAIN: u8 = 0x45;
    [load(At::Network(0), 1, R0), is_not(R0, &[PLAIN]), jump("options")]
}

/// Each word that a header has beyond the plain one becomes four times "no operation".
pub(super) fn options() -> Vec<Rule> {
    let word = |number: u8| {
        let at = At::Network(20 + u32::from(number) * 4);
        rule(
            "IP options are blanked",
            [&[
                load(At::Network(0), 1, R0),
                at_least(R0, &[0x46 + number]),
                set(R1, &[1; 4]),
                write(R1, at, Mend::At(IP_CHECKSUM)),
            ][..]],
        )
    };
    (0..OPTION_WORDS).map(word).collect()
}

/// What comes from outside: to an EIP of ours, translated; else nothing that is ours, in source or destination.
pub(super) fn from_outside() -> Vec<Rule> {
    let source = |set: &'static str| [load(SOURCE, 4, R0), in_set(R0, set)];
    vec![
        rule("from outside, with IP options", [&with_options()[..]]),
        rule("from outside, a private source", [&source(SUBNETS)[..], &dropped(DropReason::SpoofedSource)]),
        rule(
            "from outside, an EIP of this VPC as source",
            [
                &[load(SOURCE, 4, R0), translate(R0, EIP_TO_HAVIP, R1)][..],
                &dropped(DropReason::SpoofedSource),
            ],
        ),
        rule(
            "an EIP becomes its HAVIP",
            [&[
                load(DESTINATION, 4, R0),
                translate(R0, EIP_TO_HAVIP, R0),
                notrack(),
                write(R0, DESTINATION, Mend::Addresses),
                accept(),
            ][..]],
        ),
        rule(
            "from outside, to a private address",
            [&[load(DESTINATION, 4, R0), in_set(R0, SUBNETS)][..], &dropped(DropReason::PrivateDestination)],
        ),
        rule(
            "to an EIP that fronts nothing here",
            [
                &[load(DESTINATION, 4, R0), in_set(R0, POOLS)][..],
                &not_local(Route::ToDestination),
                &dropped(DropReason::UnboundEip),
            ],
        ),
    ]
}

/// What comes from inside: to an EIP of the same VPC it turns round here; else a HAVIP with an EIP is not tracked.
pub(super) fn from_inside(tracked: bool) -> Vec<Rule> {
    let mut rules = hairpin::from_inside(tracked);
    rules.push(rule(
        "a HAVIP with an EIP is not tracked",
        [&[load(SOURCE, 4, R0), translate(R0, HAVIP_TO_EIP, R0), notrack(), accept()][..]],
    ));
    rules
}

/// What goes outside: errors first (they may be the gateway's own), then the source; what is still private stays.
pub(super) fn to_outside(inside: &str) -> Vec<Rule> {
    vec![
        rule("to outside, with IP options", [&with_options()[..]]),
        rule("ICMP goes outside", [&protocol(ICMP)[..], &[jump("icmp_to_outside")]]),
        // From the inside alone: there the fence has looked at who sends.
        rule(
            "a HAVIP becomes its EIP",
            [
                &from_link(inside)[..],
                &[
                    load(SOURCE, 4, R0),
                    translate(R0, HAVIP_TO_EIP, R0),
                    write(R0, SOURCE, Mend::Addresses),
                    accept(),
                ],
            ],
        ),
        rule(
            "to outside, a private source",
            [&[load(SOURCE, 4, R0), in_set(R0, SUBNETS)][..], &dropped(DropReason::PrivateSource)],
        ),
        // Another network's address behind a vNIC, or one that is not the sender's: only an EIP that we wrote ourselves
        // or an address of the gateway's, written by the operator's own rules, may leave.
        rule(
            "to outside, a source that is neither an EIP nor the gateway's",
            [&from_link(inside)[..], &not_local(Route::ToSource), &dropped(DropReason::PrivateSource)],
        ),
    ]
}

/// Errors that go outside. Apart, so that what is no ICMP passes one rule and not three.
pub(super) fn icmp_to_outside() -> Vec<Rule> {
    errors("an ICMP error goes outside", "errors_outwards")
}

/// What goes inside: ICMP, and what came from there; everything else was translated when it came.
pub(super) fn to_inside(tracked: bool, inside: &str) -> Vec<Rule> {
    let icmp = [&protocol(ICMP)[..], &[jump("icmp_to_inside")]];
    let mut rules = vec![rule("ICMP goes inside", icmp)];
    rules.extend(hairpin::to_inside(tracked, inside));
    rules
}

/// The same inside, with what the gateway would say of the way there.
pub(super) fn icmp_to_inside() -> Vec<Rule> {
    let mut rules = errors("an ICMP error goes inside", "errors_to_inside");
    rules.push(hairpin::redirect());
    rules
}

/// Destination unreachable, time exceeded, parameter problem: the errors that quote a packet and matter to its sender.
pub(super) fn errors(purpose: &'static str, chain: &'static str) -> Vec<Rule> {
    let kind = |kind: u8| {
        rule(purpose, [&protocol(ICMP)[..], &[load(At::Transport(0), 1, R0), is(R0, &[kind]), jump(chain)]])
    };
    [3, 11, 12].map(kind).into()
}

/// Quotes what the HAVIP sent: the source is an EIP, and the HAVIP's instance must recognize its own packet.
pub(super) fn errors_inwards() -> Vec<Rule> {
    quoted_address(quoted::SOURCE, EIP_TO_HAVIP)
}

/// Quotes what the HAVIP was sent: the destination is a HAVIP, which nobody outside may see.
pub(super) fn errors_outwards() -> Vec<Rule> {
    let mut rules = quoted_address(quoted::DESTINATION, HAVIP_TO_EIP);
    rules.push(rule(
        "an ICMP error that quotes a private destination",
        [
            &[load(At::Transport(quoted::DESTINATION), 4, R0), in_set(R0, SUBNETS)][..],
            &dropped(DropReason::PrivateQuoted),
        ],
    ));
    rules
}

/// The address in a quoted packet, translated.
///
/// One write with the inner IP checksum's offset keeps the outer ICMP checksum right, for both changes cancel. The
/// inner TCP or UDP checksum covers the address too: three writes mend all three (see [`three_writes`]), as far as it
/// was quoted, the quoted header has no options, and, for UDP, there is a checksum at all.
fn quoted_address(at: u32, map: &'static str) -> Vec<Rule> {
    let plain_header = || [load(At::Transport(quoted::VERSION_AND_LENGTH), 1, R0), is(R0, &[0x45])];
    let first_fragment =
        || [load(At::Transport(quoted::FRAGMENT), 2, R0), mask(R0, &[0x1f, 0xff]), is(R0, &[0, 0])];
    let carries = |number: u8| [load(At::Transport(quoted::PROTOCOL), 1, R0), is(R0, &[number])];
    let summed = [load(At::Transport(quoted::UDP_CHECKSUM), 2, R0), is_not(R0, &[0, 0])];
    let found = || [load(At::Transport(at), 4, R0), translate(R0, map, R1)];
    vec![
        rule(
            "an error that quotes UDP",
            [
                &plain_header()[..],
                &first_fragment(),
                &carries(UDP),
                &summed,
                &found(),
                &three_writes(at, quoted::UDP_CHECKSUM),
                &[back()],
            ],
        ),
        rule(
            "an error that quotes TCP as far as its checksum",
            [
                &plain_header()[..],
                &first_fragment(),
                &carries(TCP),
                &found(),
                &three_writes(at, quoted::TCP_CHECKSUM),
                &[back()],
            ],
        ),
        rule(
            "an error that quotes anything else",
            [&found()[..], &[write(R1, At::Transport(at), Mend::At(quoted::IP_CHECKSUM)), back()]],
        ),
    ]
}

/// Old address in R0, new one in R1. The first write would lie outside a short quote, and break before any change.
///
/// 1. The new address, mending the inner TCP or UDP checksum: the outer ICMP checksum stays right, the inner IP's is off.
/// 2. The old address, mending the outer ICMP checksum.
/// 3. The new address, mending the inner IP checksum: the outer one stays right.
fn three_writes(at: u32, inner_checksum: u32) -> [Expression; 3] {
    let at = At::Transport(at);
    [
        write(R1, at, Mend::At(inner_checksum)),
        write(R0, at, Mend::At(ICMP_CHECKSUM)),
        write(R1, at, Mend::At(quoted::IP_CHECKSUM)),
    ]
}

/// From inside, with a HAVIP as source: the holder's alone. Fails closed: what has no MAC to compare is fenced too.
pub(super) fn fence_from_inside() -> Vec<Rule> {
    // The MAC fills one and a half registers behind the address; the kernel clears the rest.
    const SOURCE_MAC: At = At::Link(6);
    vec![
        // First: what EIPs are for passes one lookup.
        rule(
            "the holder",
            [&[load(SOURCE, 4, R0), load(SOURCE_MAC, 6, R1), in_set(R0, HOLDERS), back()][..]],
        ),
        rule("no HAVIP as source", [&[load(SOURCE, 4, R0), not_in_set(R0, HAVIPS), back()][..]]),
        rule("a HAVIP as source, from another", [&[jump("fenced")][..]]),
    ]
}

/// What the fence drops, and tells a watcher about.
pub(super) fn fenced() -> Vec<Rule> {
    vec![
        rule("tell the watcher", [&[limit(FENCED_PER_SECOND, 20), log(FENCE_GROUP, FENCED_BYTES)][..]]),
        rule("not the holder", [&dropped(DropReason::NotHolder)[..]]),
    ]
}

/// To a HAVIP that nobody holds: dropped before the kernel could ask for it and believe whoever answers.
pub(super) fn fence_to_inside(inside: &str) -> Vec<Rule> {
    vec![rule(
        "to a HAVIP that nobody holds",
        [
            // The lookup first: it costs less than a link's name, and hardly ever finds anything.
            &[load(DESTINATION, 4, R0), in_set(R0, UNHELD)][..],
            &to_link(inside),
            &dropped(DropReason::NoHolder),
        ],
    )]
}
