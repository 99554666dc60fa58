//! Every rule is needed: without it, a story fails that holds with it. A rule without such a story fails this test.

use std::thread;

use anyhow::{Context, Result, ensure};

use crate::{
    carried::{Carried, Story},
    crossing::Way,
    errors::{
        PARAMETER_PROBLEM, TIME_EXCEEDED, UNREACHABLE,
        a_packet_that_expires_at_the_gateway_is_quoted_with_the_eip,
        an_error_that_quotes_another_private_address_does_not_leave, inwards, outwards, quoted_echo,
        quoted_tcp, quoted_udp,
    },
    fence::{
        a_havip_as_source_from_another_mac_is_dropped,
        a_havip_that_nobody_holds_is_silent_and_never_asked_for, the_watcher_is_told_who_it_was,
        who_has_no_havip_as_source_is_not_fenced,
    },
    options::options_are_blanked,
    private::{
        a_private_destination_is_not_reached_from_outside, a_private_source_does_not_come_in,
        a_storm_from_the_subnet_stays_inside, an_eip_is_not_reached_from_inside,
        an_eip_of_this_vpc_does_not_come_in_as_source, an_eip_that_fronts_nothing_is_dropped,
        what_is_not_even_of_the_subnet_stays_inside_too,
    },
    ways::{
        connection_tracking_sees_none_of_it, the_client_reaches_the_havip_through_the_eip,
        what_the_holder_sends_from_the_havip_leaves_as_the_eip,
    },
};

/// Table, chain and the rule's place in it, and the story that needs it.
const NEEDED: [(&str, &str, usize, Story); 46] = [
    ("mooring", "prerouting", 0, |net| options_are_blanked(net, Way::In)),
    ("mooring", "prerouting", 1, the_client_reaches_the_havip_through_the_eip),
    ("mooring", "prerouting", 2, an_eip_is_not_reached_from_inside),
    ("mooring", "postrouting", 0, |net| options_are_blanked(net, Way::Out)),
    ("mooring", "postrouting", 1, what_the_holder_sends_from_the_havip_leaves_as_the_eip),
    ("mooring", "postrouting", 2, |net| inwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "options", 0, |net| options_are_blanked(net, Way::In)),
    ("mooring", "options", 1, |net| options_are_blanked(net, Way::In)),
    ("mooring", "options", 2, |net| options_are_blanked(net, Way::In)),
    ("mooring", "options", 3, |net| options_are_blanked(net, Way::In)),
    ("mooring", "options", 4, |net| options_are_blanked(net, Way::In)),
    ("mooring", "options", 5, |net| options_are_blanked(net, Way::In)),
    ("mooring", "options", 6, |net| options_are_blanked(net, Way::In)),
    ("mooring", "options", 7, |net| options_are_blanked(net, Way::In)),
    ("mooring", "options", 8, |net| options_are_blanked(net, Way::In)),
    ("mooring", "options", 9, |net| options_are_blanked(net, Way::In)),
    ("mooring", "from_outside", 0, a_private_source_does_not_come_in),
    ("mooring", "from_outside", 1, an_eip_of_this_vpc_does_not_come_in_as_source),
    ("mooring", "from_outside", 2, the_client_reaches_the_havip_through_the_eip),
    ("mooring", "from_outside", 3, a_private_destination_is_not_reached_from_outside),
    ("mooring", "from_outside", 4, an_eip_that_fronts_nothing_is_dropped),
    ("mooring", "from_inside", 0, an_eip_is_not_reached_from_inside),
    ("mooring", "from_inside", 1, connection_tracking_sees_none_of_it),
    ("mooring", "to_outside", 0, |net| outwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "to_outside", 1, a_packet_that_expires_at_the_gateway_is_quoted_with_the_eip),
    ("mooring", "to_outside", 2, |net| outwards(net, PARAMETER_PROBLEM, quoted_udp)),
    ("mooring", "to_outside", 3, what_the_holder_sends_from_the_havip_leaves_as_the_eip),
    ("mooring", "to_outside", 4, crate::private::the_gateways_inside_address_stays_inside),
    ("mooring", "to_outside", 5, what_is_not_even_of_the_subnet_stays_inside_too),
    ("mooring", "to_inside", 0, |net| inwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "to_inside", 1, |net| inwards(net, TIME_EXCEEDED, quoted_udp)),
    ("mooring", "to_inside", 2, |net| inwards(net, PARAMETER_PROBLEM, quoted_udp)),
    ("mooring", "errors_inwards", 0, |net| inwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "errors_inwards", 1, |net| inwards(net, UNREACHABLE, quoted_tcp)),
    ("mooring", "errors_inwards", 2, |net| inwards(net, UNREACHABLE, quoted_echo)),
    ("mooring", "errors_outwards", 0, |net| outwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "errors_outwards", 1, |net| outwards(net, UNREACHABLE, quoted_tcp)),
    ("mooring", "errors_outwards", 2, |net| outwards(net, UNREACHABLE, quoted_echo)),
    ("mooring", "errors_outwards", 3, an_error_that_quotes_another_private_address_does_not_leave),
    ("mooring_fence", "prerouting", 0, a_havip_as_source_from_another_mac_is_dropped),
    ("mooring_fence", "postrouting", 0, a_havip_that_nobody_holds_is_silent_and_never_asked_for),
    ("mooring_fence", "from_inside", 0, who_has_no_havip_as_source_is_not_fenced),
    ("mooring_fence", "from_inside", 1, what_the_holder_sends_from_the_havip_leaves_as_the_eip),
    ("mooring_fence", "from_inside", 2, a_havip_as_source_from_another_mac_is_dropped),
    ("mooring_fence", "fenced", 0, the_watcher_is_told_who_it_was),
    ("mooring_fence", "fenced", 1, a_havip_as_source_from_another_mac_is_dropped),
];

/// A rule as `nft` lists it: table, chain, its place in the chain, its handle.
fn rules(net: &Carried) -> Result<Vec<(String, String, usize, String)>> {
    let listed = net.lab.gateway.output("nft -a -t list ruleset")?;
    let (mut rules, mut table, mut chain, mut place) = (Vec::new(), String::new(), String::new(), 0);
    for line in listed.lines().map(str::trim) {
        let (text, handle) = line.rsplit_once("# handle ").unwrap_or((line, ""));
        let mut words = text.split_whitespace();
        match words.next() {
            Some("table") => table = words.nth(1).unwrap_or_default().to_owned(),
            Some("chain" | "set" | "map" | "counter") if text.contains('{') => {
                chain = words.next().unwrap_or_default().to_owned();
                place = 0;
            }
            _ if !handle.is_empty() && table.starts_with("mooring") => {
                rules.push((table.clone(), chain.clone(), place, handle.to_owned()));
                place += 1;
            }
            _ => {}
        }
    }
    Ok(rules)
}

/// In two laboratories: with the rule the story holds, without it it does not.
fn is_needed(table: &str, chain: &str, place: usize, story: Story) -> Result<()> {
    story(&mut Carried::new()?).context("with the rule")?;
    let mut net = Carried::new()?;
    let rules = rules(&net)?;
    let rule = rules.iter().find(|rule| (rule.0.as_str(), rule.1.as_str(), rule.2) == (table, chain, place));
    let handle = &rule.context("there is no such rule")?.3;
    net.lab.gateway.output(&format!("nft delete rule ip {table} {chain} handle {handle}"))?;
    ensure!(story(&mut net).is_err(), "the story holds without the rule");
    Ok(())
}

#[test]
fn without_its_rule_a_story_fails() {
    // Most of the time is spent waiting for what does not come.
    const AT_ONCE: usize = 6;
    let failures: Vec<_> = thread::scope(|scope| {
        let threads =
            NEEDED.chunks(NEEDED.len().div_ceil(AT_ONCE)).map(|some| scope.spawn(|| not_needed(some)));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn not_needed(some: &[(&str, &str, usize, Story)]) -> Vec<String> {
    let check = |(table, chain, place, story): &(&str, &str, usize, Story)| {
        let error = is_needed(table, chain, *place, *story).err()?;
        Some(format!("{table} {chain} {place}: {error:#}"))
    };
    some.iter().filter_map(check).collect()
}

#[test]
fn no_rule_is_without_a_story() {
    let net = Carried::new().unwrap();
    let named: Vec<_> = NEEDED.iter().map(|(table, chain, place, _)| (*table, *chain, *place)).collect();
    let listed = rules(&net).unwrap();
    let mut listed: Vec<_> = listed.iter().map(|rule| (rule.0.as_str(), rule.1.as_str(), rule.2)).collect();
    let mut expected = named;
    listed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

#[test]
fn either_of_two_rules_keeps_a_storm_inside() {
    // The subnets' rule and the one behind it both keep a storm inside: either alone does.
    let mut net = Carried::new().unwrap();
    let rules = rules(&net).unwrap();
    let last = |rule: &&(String, String, usize, String)| rule.1 == "to_outside" && rule.2 == 5;
    let handle = &rules.iter().find(last).unwrap().3;
    net.lab.gateway.output(&format!("nft delete rule ip mooring to_outside handle {handle}")).unwrap();
    a_storm_from_the_subnet_stays_inside(&mut net).unwrap();
}
