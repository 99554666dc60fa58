//! The two tables as text that the `nft` command loads: for people who look at the past, never for a gateway.
//!
//! What nft can't say stands as a comment: rules that mend a checksum at an offset of their own choice, or look up what an
//! ICMP error quotes. Everything else is what the driver writes, but that nft looks whether a frame is Ethernet before it
//! compares its MAC.

mod rule;

use std::{fmt::Write as _, net::IpAddr};

use mooring_domain::nat::{
    Actual,
    ruleset::{
        Chain, EIP_TO_HAVIP, HAVIP_TO_EIP, HAVIPS, HOLDERS, Hook, Keys, POOLS, PREROUTING, SUBNETS, Table,
        UNHELD,
    },
};

use crate::{Place, kernel::ruleset::Ruleset};

/// Elements on one line.
const ON_A_LINE: usize = 4;

/// Both tables with these elements, between the links of a place. Loading it replaces tables of the same names.
pub fn nft(place: &Place, wanted: &Actual) -> String {
    let ruleset = Ruleset::new(place);
    let mut text = String::new();
    for table in &ruleset.tables {
        let name = table.name;
        line(&mut text, format_args!("table ip {name}\ndelete table ip {name}\ntable ip {name} {{"));
        for reason in table.counters {
            line(&mut text, format_args!("\tcounter {} {{\n\t\tpackets 0 bytes 0\n\t}}", reason.word()));
        }
        for (set, keys) in table.sets {
            line(&mut text, format_args!("{}", of_set(set, *keys, wanted)));
        }
        chains(&mut text, table, &ruleset);
        line(&mut text, format_args!("}}"));
    }
    beside(&mut text, place, wanted);
    text
}

/// Writing to a string cannot fail.
fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{what}");
}

fn of_set(name: &str, keys: Keys, wanted: &Actual) -> String {
    let (word, shape) = match keys {
        Keys::Addresses => ("set", "type ipv4_addr"),
        Keys::Blocks => ("set", "type ipv4_addr\n\t\tflags interval"),
        Keys::AddressToAddress => ("map", "type ipv4_addr : ipv4_addr"),
        Keys::AddressAndMac => ("set", "type ipv4_addr . ether_addr"),
    };
    let elements = elements(name, wanted);
    let lines: Vec<String> = elements.chunks(ON_A_LINE).map(|some| some.join(", ")).collect();
    let elements = match lines.is_empty() {
        true => String::new(),
        false => format!("\n\t\telements = {{ {} }}", lines.join(",\n\t\t\t     ")),
    };
    format!("\t{word} {name} {{\n\t\t{shape}{elements}\n\t}}")
}

fn elements(set: &str, wanted: &Actual) -> Vec<String> {
    fn all<T: ToString>(of: impl IntoIterator<Item = T>) -> Vec<String> {
        of.into_iter().map(|element| element.to_string()).collect()
    }
    let pair = |(from, to): (&IpAddr, &IpAddr)| format!("{from} : {to}");
    match set {
        SUBNETS => all(&wanted.subnets),
        POOLS => all(&wanted.pools),
        EIP_TO_HAVIP => wanted.eip_to_havip.iter().map(pair).collect(),
        HAVIP_TO_EIP => wanted.havip_to_eip.iter().map(pair).collect(),
        HAVIPS => all(&wanted.havips),
        UNHELD => all(&wanted.unheld),
        HOLDERS => wanted.fence.iter().map(|(havip, mac)| format!("{havip} . {mac}")).collect(),
        _ => Vec::new(),
    }
}

fn chains(text: &mut String, table: &Table, ruleset: &Ruleset) {
    for Chain { name, hook, rules } in &table.chains {
        line(text, format_args!("\tchain {name} {{"));
        if let Some(Hook { number, priority, kind }) = hook {
            let hook = if *number == PREROUTING { "prerouting" } else { "postrouting" };
            line(text, format_args!("\t\ttype {kind} hook {hook} priority {priority}; policy accept;"));
        }
        for rule in rules {
            match rule::statements(&rule.expressions) {
                Some(said) => line(text, format_args!("\t\t{said} comment \"{}\"", ruleset.comment(rule))),
                None => line(text, format_args!("\t\t# nft can't say: {}", rule.purpose)),
            }
        }
        line(text, format_args!("\t}}"));
    }
}

/// What the kernel is to have beside the tables, as the `ip` command would say it.
fn beside(text: &mut String, place: &Place, wanted: &Actual) {
    for (havip, mac) in &wanted.neighbours {
        let link = &place.inside;
        line(text, format_args!("# ip neighbour replace {havip} lladdr {mac} dev {link} nud permanent"));
    }
    for eip in &wanted.routes {
        line(text, format_args!("# ip route replace local {eip} dev {}", place.outside));
    }
}
