//! Hairpin: from inside, to an EIP of the same VPC. Apart because a packet is translated at both ends here.
//!
//! From a HAVIP with an EIP it needs no state. From anybody else it does: answers go to the gateway's own address, and
//! who gets them is only known from the flow. Only that source is tracked; the destination is written from the map with
//! every packet, so that an unbind cuts these flows at once like all others.

use super::{
    EIP_TO_HAVIP, HAVIP_TO_EIP, Rule, SUBNETS,
    expression::{
        At, DESTINATION, Expression, Mark, Mend, R0, R1, Route, SOURCE, accept, answers, dropped, from_link,
        has_a_mark, has_mark, in_set, is, jump, load, local, masquerade, not_local, notrack, remember,
        set_mark, translate, unsaid, write,
    },
    rule,
    rules::{errors, quoted, with_options},
};
use crate::nat::DropReason;

/// From inside, to an EIP of the VPC. Apart, so that everything else passes one lookup of it.
pub(super) fn from_inside(tracked: bool) -> Vec<Rule> {
    let mut rules = vec![rule("to an EIP of this VPC", [&to_an_eip()[..], &[jump("hairpin")]])];
    if tracked {
        // Tracking turns its destination back, or it is for the gateway itself and never comes to postrouting.
        rules.push(rule(
            "from a HAVIP with an EIP, to the gateway's own address",
            [
                &from_a_havip_with_an_eip()[..],
                &local(Route::ToDestination),
                &set_mark(Mark::Turned),
                &[accept()],
            ],
        ));
    }
    rules
}

/// To an EIP of the VPC: written as its HAVIP here, so that routing turns the packet round.
pub(super) fn turn(tracked: bool) -> Vec<Rule> {
    let mut rules = vec![rule(
        "from a HAVIP with an EIP, to an EIP of this VPC",
        [
            &to_an_eip()[..],
            &from_a_havip_with_an_eip(),
            &[notrack()],
            &set_mark(Mark::Turned),
            &[write(R0, DESTINATION, Mend::Addresses), accept()],
        ],
    )];
    if tracked {
        rules.push(rule(
            "from inside, to an EIP of this VPC, tracked",
            [&[load(SOURCE, 4, R1), in_set(R1, SUBNETS), jump("tracked")][..]],
        ));
    }
    rules.push(rule("from inside, to an EIP of this VPC", [&dropped(DropReason::Hairpin)[..]]));
    rules
}

fn to_an_eip() -> [Expression; 2] {
    [load(DESTINATION, 4, R0), translate(R0, EIP_TO_HAVIP, R0)]
}

fn from_a_havip_with_an_eip() -> [Expression; 2] {
    [load(SOURCE, 4, R1), translate(R1, HAVIP_TO_EIP, R1)]
}

/// Before tracking: it knows the flow by the HAVIP, in an error's quote too.
pub(super) fn tracked() -> Vec<Rule> {
    let mut rules = errors("an ICMP error about an answer of an EIP", "errors_inwards");
    rules.push(rule(
        "an EIP becomes its HAVIP, tracked",
        [
            &[load(DESTINATION, 4, R0), translate(R0, EIP_TO_HAVIP, R0)][..],
            &set_mark(Mark::Tracked),
            &[write(R0, DESTINATION, Mend::Addresses), accept()],
        ],
    ));
    rules
}

/// Where the first packet of a flow gets its source.
pub(super) fn tracked_source() -> Vec<Rule> {
    let lent = [&has_mark(Mark::Tracked)[..], &remember(), &[masquerade()]];
    vec![rule("the gateway's own address as source", lent)]
}

/// The gateway would tell the sender to go straight to the HAVIP, and show it. Instances then took another way than the one
/// that is translated.
pub(super) fn redirect() -> Rule {
    const REDIRECT: u8 = 5;
    rule(
        "a redirect to a HAVIP with an EIP",
        [
            &[load(At::Transport(0), 1, R0), is(R0, &[REDIRECT])][..],
            &[load(At::Transport(quoted::DESTINATION), 4, R0), translate(R0, HAVIP_TO_EIP, R1), unsaid()],
        ],
    )
}

/// Behind the errors.
pub(super) fn to_inside(tracked: bool, inside: &str) -> Vec<Rule> {
    let mut rules = vec![rule("it turned round, or is tracked", [&has_a_mark()[..], &[jump("marked")]])];
    if tracked {
        // An unbind cuts both ways of a flow: its HAVIP would be seen, and answered directly. The gateway's own errors
        // belong to the flow as well, but come from no link.
        rules.push(rule(
            "an answer of a HAVIP that has no EIP any more",
            [&from_link(inside)[..], &answers(), &dropped(DropReason::Hairpin)],
        ));
    }
    rules
}

/// What turned round gets its source.
pub(super) fn marked(tracked: bool) -> Vec<Rule> {
    let mut rules = vec![
        rule("turned round, with IP options", [&with_options()[..]]),
        rule(
            "a HAVIP that turned round becomes its EIP",
            [
                &has_mark(Mark::Turned)[..],
                &[load(SOURCE, 4, R0), translate(R0, HAVIP_TO_EIP, R0)],
                &[write(R0, SOURCE, Mend::Addresses), accept()],
            ],
        ),
    ];
    if tracked {
        // What tracking takes for invalid gets no address: past here its sender would be seen, and answered directly.
        rules.push(rule(
            "tracked, and still with its own source",
            [&has_mark(Mark::Tracked)[..], &not_local(Route::ToSource), &dropped(DropReason::Hairpin)],
        ));
    }
    rules
}

/// An ICMP error that goes inside. It quotes what the HAVIP sent; if it turned round, also what a HAVIP was sent.
pub(super) fn errors_to_inside(tracked: bool) -> Vec<Rule> {
    let quotes_a_havip = |at| [load(At::Transport(at), 4, R0), translate(R0, HAVIP_TO_EIP, R1)];
    // The gateway's own, about a packet on its way from a HAVIP with an EIP (or, tracked, from anybody) to another.
    let sender = quotes_a_havip(quoted::SOURCE);
    let sender = if tracked { &[][..] } else { &sender[..] };
    vec![
        rule("what it quotes was sent from inside", [&[jump("errors_inwards")][..]]),
        rule(
            "what it quotes was sent to an EIP of this VPC",
            [&has_mark(Mark::Turned)[..], &[jump("errors_outwards")]],
        ),
        rule(
            "the gateway's own error about what turns round",
            [
                &local(Route::ToSource)[..],
                sender,
                &quotes_a_havip(quoted::DESTINATION),
                &[jump("errors_outwards")],
            ],
        ),
    ]
}
