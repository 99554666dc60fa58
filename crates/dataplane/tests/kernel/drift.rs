//! Strangers: what they do to ours is found and mended, what is theirs is never touched.

use mooring_dataplane::{Driver as _, Kernel};
use mooring_domain::nat::{Actual, Op, diff};

use crate::namespace::{Namespace, desired, pools};

/// Let a stranger do this; the driver must find a difference, mend it, and then find none.
fn mended(command: &str) -> Vec<Op> {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let generation = kernel.generation().unwrap();
    let before = namespace.nft("list ruleset");
    namespace.nft(&command.replace("HANDLE", &handle(&before)));
    assert_ne!(kernel.generation().unwrap(), generation, "{command}");
    let ops = diff(&desired(), &pools(), &kernel.read().unwrap());
    kernel.apply(&ops).unwrap();
    assert_eq!(diff(&desired(), &pools(), &kernel.read().unwrap()), [], "{command}");
    assert!(!ops.is_empty(), "{command} was not seen");
    ops
}

/// The handle of the rule that translates an EIP.
fn handle(ruleset: &str) -> String {
    let line = ruleset.lines().find(|line| line.contains("an EIP becomes its HAVIP")).unwrap();
    line.rsplit_once("# handle ").unwrap().1.trim().to_owned()
}

#[test]
fn whatever_a_stranger_does_to_chains_and_rules_makes_the_ruleset_anew() {
    for command in [
        "delete rule ip mooring from_outside handle HANDLE",
        "add rule ip mooring from_outside accept",
        "insert rule ip mooring_fence from_inside accept",
        "replace rule ip mooring from_outside handle HANDLE accept comment \"an EIP becomes its HAVIP\"",
        "add chain ip mooring more",
        "add chain ip mooring prerouting { policy drop ; }",
        "add table ip mooring_fence { flags dormant ; }",
        "add set ip mooring more { type ipv4_addr ; }",
        "add counter ip mooring_fence more",
        "flush table ip mooring",
        "delete table ip mooring_fence",
        "flush ruleset",
    ] {
        let ops = mended(command);
        assert!(ops.contains(&Op::MakeRuleset), "{command}: {ops:?}");
    }
}

/// Make the tables anew after a stranger did this; the heads of tables and base chains before and after. Handles tell
/// whether they are the same: the namespace counts tables, a table counts what is in it.
fn made_anew(command: &str) -> [Vec<String>; 2] {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let heads = || {
        let text = namespace.nft("list ruleset");
        let is_head = |line: &&str| {
            line.contains("# handle") && (line.starts_with("table ip") || line.contains("routing {"))
        };
        text.lines().filter(is_head).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = heads();
    assert_eq!(before.len(), 6, "{before:?}");
    if !command.is_empty() {
        namespace.nft(command);
    }
    let actual = Actual { ruleset: false, ..kernel.read().unwrap() };
    kernel.apply(&diff(&desired(), &pools(), &actual)).unwrap();
    assert_eq!(diff(&desired(), &pools(), &kernel.read().unwrap()), [], "{command}");
    let text = namespace.nft("list ruleset");
    assert!(!text.contains("more"), "{command}: {text}");
    assert!(!text.contains("policy drop"), "{command}: {text}");
    [before, heads()]
}

/// A packet on its way meets neither two of a base chain nor none, for it is the same one.
#[test]
fn base_chains_stay_when_the_tables_are_made_anew() {
    for command in [
        "",
        "flush table ip mooring",
        "add rule ip mooring from_outside accept",
        "add chain ip mooring more; add rule ip mooring from_outside jump more",
        "add chain ip mooring more { type filter hook input priority 7 ; }",
        "add element ip mooring eip_to_havip { 203.0.113.99 : 10.0.1.99 }",
    ] {
        let [before, after] = made_anew(command);
        assert_eq!(before, after, "{command}");
    }
}

/// The kernel makes a hash larger behind our back, and goes through it meanwhile to empty it.
#[test]
fn nothing_old_is_left_in_a_hash_that_was_growing() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let address = |first: u8, number: u16| {
        let [high, low] = number.to_be_bytes();
        std::net::IpAddr::from([first, 0, high, low])
    };
    let map = |count| (0..count).map(|number| Op::MapEip(address(198, number), address(10, number)));
    for _ in 0..5 {
        kernel.apply(&std::iter::once(Op::MakeRuleset).chain(map(20_000)).collect::<Vec<_>>()).unwrap();
        kernel.apply(&[Op::MakeRuleset, Op::MapEip(address(198, 7), address(10, 8))]).unwrap();
        let left = kernel.read().unwrap().eip_to_havip;
        assert_eq!(left, [(address(198, 7), address(10, 8))].into());
    }
}

#[test]
fn what_is_in_the_way_goes_with_the_whole_table() {
    for command in [
        "add set ip mooring more { type ipv4_addr ; }",
        "add counter ip mooring more",
        "add rule ip mooring from_outside ip saddr { 192.0.2.7, 192.0.2.9 } counter comment more",
        "add chain ip mooring prerouting { policy drop ; }",
    ] {
        let [before, after] = made_anew(command);
        assert_ne!(before, after, "{command}");
    }
}

#[test]
fn an_element_that_a_stranger_takes_or_gives_is_the_only_thing_that_changes_back() {
    for (command, op) in [
        ("delete element ip mooring eip_to_havip { 203.0.113.64 }", "MapEip"),
        ("delete element ip mooring havip_to_eip { 10.0.1.50 }", "MapHavip"),
        ("add element ip mooring eip_to_havip { 203.0.113.99 : 10.0.1.99 }", "UnmapEip"),
        ("delete element ip mooring subnets { 10.0.1.0/24 }", "AddSubnet"),
        ("add element ip mooring pools { 192.0.2.0/24 }", "RemovePool"),
        ("add element ip mooring_fence holders { 10.0.1.50 . 02:00:00:00:00:0c }", "ForbidHolder"),
        ("delete element ip mooring_fence unheld { 10.0.1.60 }", "AddUnheld"),
        ("delete element ip mooring_fence havips { 10.0.1.60 }", "AddHavip"),
    ] {
        let ops = mended(command);
        assert!(matches!(&ops[..], [one] if format!("{one:?}").starts_with(op)), "{command}: {ops:?}");
    }
}

#[test]
fn a_range_that_is_no_block_makes_the_ruleset_anew() {
    let ops = mended("add element ip mooring pools { 192.0.2.3-192.0.2.7 }");
    assert!(ops.contains(&Op::MakeRuleset), "{ops:?}");
}

#[test]
fn what_is_not_ours_is_not_seen_and_not_touched() {
    let namespace = Namespace::new();
    namespace.nft("add table ip theirs");
    namespace.nft("add chain ip theirs forward { type filter hook forward priority 0 ; }");
    namespace.nft("add rule ip theirs forward ip saddr 10.0.1.50 counter");
    namespace.ip("route add local 203.0.113.65 dev out0 table local");
    namespace.ip("neigh add 10.0.1.70 lladdr 02:00:00:00:00:77 dev in0 nud permanent");
    let mut kernel = Kernel::open(&namespace.place()).unwrap();
    let ops = diff(&desired(), &pools(), &kernel.read().unwrap());
    kernel.apply(&ops).unwrap();
    let mut gone = desired();
    gone.nat.clear();
    gone.holders.clear();
    let ops = diff(&gone, &pools(), &kernel.read().unwrap());
    kernel.apply(&ops).unwrap();
    assert!(namespace.nft("list table ip theirs").contains("ip saddr 10.0.1.50 counter"));
    assert!(namespace.ip("route show table local").contains("local 203.0.113.65 dev out0"));
    assert!(namespace.ip("neigh show dev in0").contains("10.0.1.70 lladdr 02:00:00:00:00:77"));
}

#[test]
fn rules_stay_when_the_process_stops_and_the_next_one_finds_nothing_to_do() {
    let namespace = Namespace::new();
    drop(namespace.reconciled());
    let mut next = Kernel::open(&namespace.place()).unwrap();
    assert_eq!(diff(&desired(), &pools(), &next.read().unwrap()), []);
}

#[test]
fn other_links_make_another_ruleset() {
    let namespace = Namespace::new();
    drop(namespace.reconciled());
    namespace.ip("link add in1 type veth peer name vm1");
    let place = mooring_dataplane::Place { inside: "in1".to_owned(), ..namespace.place() };
    let mut kernel = Kernel::open(&place).unwrap();
    assert!(!kernel.read().unwrap().ruleset);
}

/// In both directions; and the one that is not there needs nothing of connection tracking.
#[test]
fn hairpins_that_are_switched_make_another_ruleset() {
    let namespace = Namespace::new();
    drop(namespace.reconciled());
    assert!(!namespace.nft("list ruleset").contains("masquerade"));
    for hairpin in [true, false] {
        let place = mooring_dataplane::Place { hairpin, ..namespace.place() };
        let mut kernel = Kernel::open(&place).unwrap();
        let actual = kernel.read().unwrap();
        assert!(!actual.ruleset, "hairpin = {hairpin}");
        kernel.apply(&diff(&desired(), &pools(), &actual)).unwrap();
        assert_eq!(diff(&desired(), &pools(), &kernel.read().unwrap()), []);
        assert_eq!(namespace.nft("list ruleset").contains("masquerade"), hairpin);
    }
}

/// What is ours there is told from what a stranger made of it, as everywhere.
#[test]
fn what_a_stranger_does_to_hairpins_makes_the_ruleset_anew() {
    for command in [
        "flush chain ip mooring tracked_source",
        "replace rule ip mooring tracked_source handle HANDLE accept",
        "insert rule ip mooring to_inside accept",
    ] {
        let namespace = Namespace::new();
        let place = mooring_dataplane::Place { hairpin: true, ..namespace.place() };
        let mut kernel = Kernel::open(&place).unwrap();
        let ops = diff(&desired(), &pools(), &kernel.read().unwrap());
        kernel.apply(&ops).unwrap();
        let listed = namespace.nft("list ruleset");
        let line = listed.lines().find(|line| line.contains("masquerade")).unwrap();
        let handle = line.rsplit_once("# handle ").unwrap().1.trim();
        namespace.nft(&command.replace("HANDLE", handle));
        assert!(!kernel.read().unwrap().ruleset, "{command} was not seen");
    }
}
