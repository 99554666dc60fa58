//! What is left of an EIP in the gateway once it is unbound: nothing, in maps, routes, neighbours and answers to ARP.
//! A few that are still bound show that this look sees.

use std::net::Ipv4Addr;
use std::process::Stdio;

use mooring_tests::Lab;

const LOOKS: [&str; 4] =
    ["nft list ruleset", "ip route show table all", "ip neigh show", "ip neigh show proxy"];

pub fn check(lab: &Lab, gone: &[Ipv4Addr], left: &[Ipv4Addr]) {
    let seen = LOOKS.map(|look| lab.gateway.output(look).unwrap());
    let named = |address: &Ipv4Addr| -> Vec<&str> {
        let address = address.to_string();
        let word = |c: char| !(c.is_ascii_digit() || c == '.' || c == '/');
        let lines = seen.iter().flat_map(|seen| seen.lines());
        lines.filter(|line| line.split(word).any(|word| word == address)).collect()
    };
    for address in gone {
        let traces = named(address);
        assert!(traces.is_empty(), "{address} is unbound: {traces:?}");
    }
    for address in left {
        let traces = named(address);
        assert!(traces.len() >= 3, "{address} is bound, in two maps and a route: {traces:?}");
    }
    assert_eq!(answering(lab, left), left, "by ARP");
    assert_eq!(answering(lab, gone), [] as [Ipv4Addr; 0], "by ARP");
}

/// Which of them answer ARP on the outside.
fn answering(lab: &Lab, addresses: &[Ipv4Addr]) -> Vec<Ipv4Addr> {
    let ask = |address: &Ipv4Addr| {
        let mut arping = lab.core.command("arping");
        arping.args(["-q", "-c", "2", "-f", "-w", "1", "-I", "out0"]).arg(address.to_string());
        arping.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let asked: Vec<_> = addresses.iter().map(|address| (*address, ask(address))).collect();
    let answers = asked.into_iter().map(|(address, mut arping)| (address, arping.wait().unwrap()));
    answers.filter(|(_, status)| status.success()).map(|(address, _)| address).collect()
}
