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
    hairpin::{
        a_havip_reaches_another_and_itself_through_their_eips,
        an_error_about_what_turned_round_is_recognized, nobody_is_told_to_go_straight,
        options_are_blanked_at_the_turn, what_expires_at_the_turn_is_quoted_as_it_was_sent,
    },
    options::options_are_blanked,
    private::{
        a_private_destination_is_not_reached_from_outside, a_private_source_does_not_come_in,
        a_storm_from_the_subnet_stays_inside, an_eip_is_not_reached_from_inside,
        an_eip_of_this_vpc_does_not_come_in_as_source, an_eip_that_fronts_nothing_is_dropped,
        what_is_not_even_of_the_subnet_stays_inside_too,
    },
    tracked::{
        self, an_error_of_the_host_is_recognized, an_inside_host_reaches_an_eip,
        what_belongs_to_no_flow_is_dropped,
    },
    ways::{
        connection_tracking_sees_none_of_it, the_client_reaches_the_havip_through_the_eip,
        what_the_holder_sends_from_the_havip_leaves_as_the_eip,
    },
};

/// Table, chain and the rule's place in it, and the story that needs it.
const NEEDED: [(&str, &str, usize, Story); 57] = [
    ("mooring", "prerouting", 0, the_client_reaches_the_havip_through_the_eip),
    ("mooring", "prerouting", 1, an_eip_is_not_reached_from_inside),
    ("mooring", "postrouting", 0, what_the_holder_sends_from_the_havip_leaves_as_the_eip),
    ("mooring", "postrouting", 1, |net| inwards(net, UNREACHABLE, quoted_udp)),
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
    ("mooring", "from_outside", 0, |net| options_are_blanked(net, Way::In)),
    ("mooring", "from_outside", 1, a_private_source_does_not_come_in),
    ("mooring", "from_outside", 2, an_eip_of_this_vpc_does_not_come_in_as_source),
    ("mooring", "from_outside", 3, the_client_reaches_the_havip_through_the_eip),
    ("mooring", "from_outside", 4, a_private_destination_is_not_reached_from_outside),
    ("mooring", "from_outside", 5, an_eip_that_fronts_nothing_is_dropped),
    ("mooring", "from_inside", 0, a_havip_reaches_another_and_itself_through_their_eips),
    ("mooring", "hairpin", 0, a_havip_reaches_another_and_itself_through_their_eips),
    ("mooring", "hairpin", 1, an_eip_is_not_reached_from_inside),
    ("mooring", "from_inside", 1, connection_tracking_sees_none_of_it),
    ("mooring", "to_outside", 0, |net| options_are_blanked(net, Way::Out)),
    ("mooring", "to_outside", 1, |net| outwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "to_outside", 2, what_the_holder_sends_from_the_havip_leaves_as_the_eip),
    ("mooring", "to_outside", 3, crate::private::the_gateways_inside_address_stays_inside),
    ("mooring", "to_outside", 4, what_is_not_even_of_the_subnet_stays_inside_too),
    ("mooring", "icmp_to_outside", 0, |net| outwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "icmp_to_outside", 1, a_packet_that_expires_at_the_gateway_is_quoted_with_the_eip),
    ("mooring", "icmp_to_outside", 2, |net| outwards(net, PARAMETER_PROBLEM, quoted_udp)),
    ("mooring", "to_inside", 0, |net| inwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "to_inside", 1, a_havip_reaches_another_and_itself_through_their_eips),
    ("mooring", "icmp_to_inside", 0, |net| inwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "icmp_to_inside", 1, |net| inwards(net, TIME_EXCEEDED, quoted_udp)),
    ("mooring", "icmp_to_inside", 2, |net| inwards(net, PARAMETER_PROBLEM, quoted_udp)),
    ("mooring", "icmp_to_inside", 3, nobody_is_told_to_go_straight),
    ("mooring", "marked", 0, options_are_blanked_at_the_turn),
    ("mooring", "marked", 1, a_havip_reaches_another_and_itself_through_their_eips),
    ("mooring", "errors_to_inside", 0, |net| inwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "errors_to_inside", 1, an_error_about_what_turned_round_is_recognized),
    ("mooring", "errors_to_inside", 2, what_expires_at_the_turn_is_quoted_as_it_was_sent),
    ("mooring", "errors_inwards", 0, |net| inwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "errors_inwards", 1, |net| inwards(net, UNREACHABLE, quoted_tcp)),
    ("mooring", "errors_inwards", 2, |net| inwards(net, UNREACHABLE, quoted_echo)),
    ("mooring", "errors_outwards", 0, |net| outwards(net, UNREACHABLE, quoted_udp)),
    ("mooring", "errors_outwards", 1, |net| outwards(net, UNREACHABLE, quoted_tcp)),
    ("mooring", "errors_outwards", 2, |net| outwards(net, UNREACHABLE, quoted_echo)),
    ("mooring", "errors_outwards", 3, an_error_that_quotes_another_private_address_does_not_leave),
    ("mooring_fence", "prerouting", 0, a_havip_as_source_from_another_mac_is_dropped),
    ("mooring_fence", "postrouting", 0, a_havip_that_nobody_holds_is_silent_and_never_asked_for),
    ("mooring_fence", "from_inside", 1, who_has_no_havip_as_source_is_not_fenced),
    ("mooring_fence", "from_inside", 0, what_the_holder_sends_from_the_havip_leaves_as_the_eip),
    ("mooring_fence", "from_inside", 2, a_havip_as_source_from_another_mac_is_dropped),
    ("mooring_fence", "fenced", 0, the_watcher_is_told_who_it_was),
    ("mooring_fence", "fenced", 1, a_havip_as_source_from_another_mac_is_dropped),
];

/// The same for those that are there with `hairpin = true` alone, in their places there; and for one that is another then.
const NEEDED_TRACKED: [(&str, &str, usize, Story); 10] = [
    ("mooring", "hairpin", 1, an_inside_host_reaches_an_eip),
    ("mooring", "from_inside", 1, an_inside_host_reaches_an_eip),
    ("mooring", "tracked", 0, |net| an_error_of_the_host_is_recognized(net, UNREACHABLE)),
    ("mooring", "tracked", 1, |net| an_error_of_the_host_is_recognized(net, TIME_EXCEEDED)),
    ("mooring", "tracked", 2, |net| an_error_of_the_host_is_recognized(net, PARAMETER_PROBLEM)),
    ("mooring", "tracked", 3, an_inside_host_reaches_an_eip),
    ("mooring", "tracked_source", 0, an_inside_host_reaches_an_eip),
    ("mooring", "marked", 2, what_belongs_to_no_flow_is_dropped),
    ("mooring", "to_inside", 2, tracked::an_answer_after_an_unbind_is_dropped),
    ("mooring", "errors_to_inside", 2, tracked::what_expires_at_the_turn_is_quoted_as_it_was_sent),
];

/// How to make a laboratory: with `hairpin = true` in the operator's file or without.
type Make = fn() -> Result<Carried>;

/// A rule as `nft` lists it: table, chain, its place in the chain, its handle, and what it is for.
type Listed = (String, String, usize, String, String);

fn rules(net: &Carried) -> Result<Vec<Listed>> {
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
                let comment = text.split_once("comment \"").map_or(text, |(_, comment)| comment);
                let purpose = comment.rsplit_once(" [").map_or(comment, |(purpose, _)| purpose);
                rules.push((table.clone(), chain.clone(), place, handle.to_owned(), purpose.to_owned()));
                place += 1;
            }
            _ => {}
        }
    }
    Ok(rules)
}

/// In two laboratories: with the rule the story holds, without it it does not.
fn is_needed(make: Make, table: &str, chain: &str, place: usize, story: Story) -> Result<()> {
    let mut net = make()?;
    story(&mut net).context("with the rule")?;
    net.agrees()?;
    let mut net = make()?;
    let rules = rules(&net)?;
    let rule = rules.iter().find(|rule| (rule.0.as_str(), rule.1.as_str(), rule.2) == (table, chain, place));
    let handle = &rule.context("there is no such rule")?.3;
    net.lab.gateway.output(&format!("nft delete rule ip {table} {chain} handle {handle}"))?;
    ensure!(story(&mut net).is_err(), "the story holds without the rule");
    Ok(())
}

#[test]
fn without_its_rule_a_story_fails() {
    each_is_needed(Carried::new, &NEEDED);
}

#[test]
fn without_its_rule_a_story_of_tracked_hairpins_fails() {
    each_is_needed(Carried::tracked, &NEEDED_TRACKED);
}

fn each_is_needed(make: Make, needed: &[(&str, &str, usize, Story)]) {
    // Most of the time is spent waiting for what does not come.
    const AT_ONCE: usize = 6;
    let failures: Vec<_> = thread::scope(|scope| {
        let threads = needed
            .chunks(needed.len().div_ceil(AT_ONCE))
            .map(|some| scope.spawn(move || not_needed(make, some)));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn not_needed(make: Make, some: &[(&str, &str, usize, Story)]) -> Vec<String> {
    let check = |(table, chain, place, story): &(&str, &str, usize, Story)| {
        let error = is_needed(make, table, chain, *place, *story).err()?;
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
fn no_rule_for_tracked_hairpins_is_without_a_story() {
    let (without, with) = (Carried::new().unwrap(), Carried::tracked().unwrap());
    let (without, with) = (rules(&without).unwrap(), rules(&with).unwrap());
    let also = |rule: &&Listed| without.iter().any(|other| (&other.1, &other.4) == (&rule.1, &rule.4));
    let added: Vec<_> = with.iter().filter(|rule| !also(rule)).collect();
    assert_eq!(added.len(), 9, "{added:?}");
    for rule in added {
        let is_told =
            |told: &&(&str, &str, usize, Story)| (told.0, told.1, told.2) == (&rule.0, &rule.1, rule.2);
        assert!(NEEDED_TRACKED.iter().any(|told| is_told(&told)), "{rule:?}");
    }
}

/// What passes and what does not is the same with and without.
#[test]
fn with_tracked_hairpins_all_other_stories_hold() {
    for (table, chain, place, story) in NEEDED {
        if (chain, place) != ("hairpin", 1) && (chain, place) != ("prerouting", 1) {
            let mut net = Carried::tracked().unwrap();
            let told = story(&mut net).and_then(|()| net.agrees());
            told.unwrap_or_else(|error| panic!("{table} {chain} {place}: {error:#}"));
        }
    }
}

#[test]
fn either_of_two_rules_keeps_a_storm_inside() {
    // The subnets' rule and the one behind it both keep a storm inside: either alone does.
    let mut net = Carried::new().unwrap();
    let rules = rules(&net).unwrap();
    let last = |rule: &&Listed| rule.1 == "to_outside" && rule.2 == 4;
    let handle = &rules.iter().find(last).unwrap().3;
    net.lab.gateway.output(&format!("nft delete rule ip mooring to_outside handle {handle}")).unwrap();
    a_storm_from_the_subnet_stays_inside(&mut net).unwrap();
}
