//! What the preflight names: settings, and chains of others that would drop what is untracked. It changes nothing.

use mooring_dataplane::Driver as _;

use crate::namespace::Namespace;

/// A namespace that forwards, with a ruleset of ours and these lines of somebody else's.
fn with(lines: &[&str]) -> Namespace {
    let namespace = Namespace::new();
    namespace.sysctl("net.ipv4.ip_forward", "1");
    drop(namespace.reconciled());
    for line in lines {
        namespace.nft(line);
    }
    namespace
}

/// What is found; looking leaves everything as it is.
fn findings(namespace: &Namespace) -> Vec<String> {
    let mut kernel = namespace.reconciled();
    let (before, generation) = (namespace.nft("list ruleset"), kernel.generation().unwrap());
    let findings = kernel.preflight().unwrap();
    assert_eq!((namespace.nft("list ruleset"), kernel.generation().unwrap()), (before, generation));
    findings
}

/// Both directions are named, and the chain.
fn named(lines: &[&str], chain: &str) {
    let found = findings(&with(lines));
    assert_eq!(found.len(), 2, "{lines:?}: {found:#?}");
    let directions = ["drops what goes from out0 to in0", "drops what goes from in0 to out0"];
    for (finding, direction) in found.iter().zip(directions) {
        assert!(finding.contains(chain) && finding.contains(direction), "{found:#?}");
    }
}

fn fine(lines: &[&str]) {
    assert_eq!(findings(&with(lines)), Vec::<String>::new(), "{lines:?}");
}

const TABLE: &str = "add table inet firewall";
const OPEN: &str = "add chain inet firewall forward { type filter hook forward priority 0 ; }";
const SHUT: &str = "add chain inet firewall forward { type filter hook forward priority 0 ; policy drop ; }";
const ESTABLISHED: &str = "add rule inet firewall forward ct state established,related accept";
const DROP: &str = "add rule inet firewall forward counter drop";
const CHAIN: &str = "chain forward of table inet firewall (forward)";

#[test]
fn established_and_then_drop_is_named() {
    named(&[TABLE, OPEN, ESTABLISHED, DROP], CHAIN);
    named(&[TABLE, OPEN, ESTABLISHED, "add rule inet firewall forward reject"], CHAIN);
    named(&[TABLE, SHUT, ESTABLISHED], CHAIN);
    named(&[TABLE, SHUT, "add rule inet firewall forward ct state vmap { established : accept }"], CHAIN);
}

/// As Docker leaves it, with `iptables-nft`: its own chains, and a policy.
#[test]
fn dockers_forward_policy_is_named() {
    let lines = [
        "add table ip filter",
        "add chain ip filter FORWARD { type filter hook forward priority 0 ; policy drop ; }",
        "add chain ip filter DOCKER-USER",
        "add chain ip filter DOCKER",
        "add rule ip filter DOCKER-USER counter return",
        "add rule ip filter FORWARD counter jump DOCKER-USER",
        "add rule ip filter FORWARD oifname \"docker0\" ct state related,established counter accept",
        "add rule ip filter FORWARD oifname \"docker0\" counter jump DOCKER",
        "add rule ip filter FORWARD iifname \"docker0\" oifname != \"docker0\" counter accept",
    ];
    named(&lines, "chain FORWARD of table ip filter (forward)");
    // What Docker's own page says to do, helps.
    let both = [
        "insert rule ip filter DOCKER-USER iifname \"in0\" oifname \"out0\" accept",
        "insert rule ip filter DOCKER-USER iifname \"out0\" oifname \"in0\" accept",
    ];
    fine(&[&lines[..], &both].concat());
}

#[test]
fn what_lets_our_packets_pass_is_not_named() {
    fine(&[TABLE, OPEN]);
    fine(&[TABLE, SHUT, "add rule inet firewall forward ct state established,untracked accept", DROP]);
    fine(&[TABLE, OPEN, "add rule inet firewall forward ct state invalid drop"]);
    fine(&[
        TABLE,
        SHUT,
        "add rule inet firewall forward iifname { \"x0\" } drop",
        "add rule inet firewall forward accept",
    ]);
    fine(&[
        TABLE,
        SHUT,
        "add rule inet firewall forward meta nfproto ipv4 iif in0 accept",
        "add rule inet firewall forward oif in0 accept",
    ]);
    fine(&[TABLE, OPEN, "add rule inet firewall forward iifname != \"in*\" iifname != \"out*\" drop"]);
    // Not ours to judge: another hook, another protocol, another family.
    fine(&[
        TABLE,
        "add chain inet firewall input { type filter hook input priority 0 ; policy drop ; }",
        "add table ip6 six",
        "add chain ip6 six forward { type filter hook forward priority 0 ; policy drop ; }",
    ]);
    fine(&[TABLE, OPEN, "add rule inet firewall forward ip saddr 192.0.2.1 drop"]);
}

#[test]
fn one_direction_alone_is_named() {
    let found = findings(&with(&[TABLE, OPEN, "add rule inet firewall forward iifname out0 drop"]));
    assert!(matches!(&found[..], [one] if one.contains("from out0 to in0")), "{found:#?}");
}

#[test]
fn a_chain_before_routing_and_one_behind_it_are_named() {
    for hook in ["prerouting", "postrouting"] {
        let chain = format!(
            "add chain inet firewall {hook} {{ type filter hook {hook} priority 0 ; policy drop ; }}"
        );
        named(&[TABLE, &chain], &format!("chain {hook} of table inet firewall ({hook})"));
    }
}

#[test]
fn a_jump_is_followed_and_a_way_back_too() {
    let chains = [
        TABLE,
        OPEN,
        "add chain inet firewall one",
        "add chain inet firewall two",
        "add rule inet firewall forward jump one",
        "add rule inet firewall one goto two",
        "add rule inet firewall one drop",
    ];
    fine(&chains);
    let back = [&chains[..], &["add rule inet firewall two return", DROP]].concat();
    named(&back, CHAIN);
}

#[test]
fn settings_are_named() {
    for (key, value, words) in [
        ("net.ipv4.ip_forward", "0", "ip_forward is 0"),
        ("net.ipv4.conf.out0.rp_filter", "1", "rp_filter is strict"),
        ("net.ipv4.conf.out0.arp_ignore", "1", "arp_ignore is not 0"),
    ] {
        let namespace = with(&[]);
        namespace.sysctl("net.ipv4.conf.all.rp_filter", "0");
        namespace.sysctl("net.ipv4.conf.out0.rp_filter", "0");
        assert_eq!(findings(&namespace), Vec::<String>::new());
        namespace.sysctl(key, value);
        let found = findings(&namespace);
        assert!(matches!(&found[..], [one] if one.contains(words)), "{found:#?}");
    }
}
