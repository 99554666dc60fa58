//! The wiring: which links, addresses, routes and kernel parameters a laboratory has.

use std::time::Duration;

use anyhow::Result;

use super::namespace::ip_batch;
use super::{Lab, Namespace, Second};
use crate::wait::wait_for;

/// Makes every namespace of `lab` and all that is in it.
pub(super) fn build(lab: &Lab) -> Result<()> {
    let adds: String = lab.namespaces().iter().map(|ns| format!("netns add {}\n", ns.name())).collect();
    ip_batch(&[], &adds)?;
    for ns in lab.namespaces() {
        set_kernel_parameters(ns)?;
    }
    let Lab { client, edge, core, gateway, plain, switch, vm_a, vm_b, host_c, .. } = lab;
    wire(lab)?;
    client.ip(CLIENT)?;
    edge.ip(EDGE)?;
    core.ip(CORE)?;
    gateway.ip(GATEWAY)?;
    plain.ip(PLAIN)?;
    switch.ip(SWITCH)?;
    for (host, address) in [(vm_a, super::VM_A), (vm_b, super::VM_B), (host_c, super::HOST_C)] {
        host.ip(&format!("address add {address}/24 dev eth0\n{HOST}"))?;
    }
    lab.namespaces().into_iter().try_for_each(settled)
}

/// The gateway alone, in a laboratory that has all the rest.
pub(super) fn build_gateway(lab: &Lab) -> Result<()> {
    let gateway = &lab.gateway;
    ip_batch(&[], &format!("netns add {}\n", gateway.name()))?;
    set_kernel_parameters(gateway)?;
    let outside = (&lab.core, "gateway", "02:00:00:00:02:f2");
    let inside = (&lab.switch, "gateway", "02:00:00:00:01:f1");
    cable(outside, (gateway, "out0", "02:00:00:00:02:02"), 102)?;
    cable(inside, (gateway, "in0", super::MAC_GATEWAY), 104)?;
    lab.core.ip("link set gateway master out0 up")?;
    lab.switch.ip("link set gateway master br0 up")?;
    gateway.ip(GATEWAY)?;
    [gateway, &lab.core, &lab.switch].into_iter().try_for_each(settled)
}

/// The second router and its instance.
pub(super) fn build_second(lab: &Lab, second: &Second) -> Result<()> {
    let Second { gateway, vm } = second;
    ip_batch(&[], &format!("netns add {}\nnetns add {}\n", gateway.name(), vm.name()))?;
    set_kernel_parameters(gateway)?;
    set_kernel_parameters(vm)?;
    let outside = (&lab.core, "gateway-2", "02:00:00:00:02:f4");
    cable(outside, (gateway, "out0", "02:00:00:00:02:04"), 120)?;
    cable((gateway, "in0", "02:00:00:00:05:01"), (vm, "eth0", super::MAC_2), 121)?;
    lab.core.ip("link set gateway-2 master out0 up")?;
    gateway.ip(&GATEWAY.replace("203.0.113.2/24", "203.0.113.4/24"))?;
    vm.ip(&format!("address add {}/24 dev eth0\n{HOST}", super::VM_A))?;
    [gateway, vm, &lab.core].into_iter().try_for_each(settled)
}

/// Every cable, with the MAC of both ends.
fn wire(lab: &Lab) -> Result<()> {
    lab.core.ip("link add out0 address 02:00:00:00:02:01 type bridge mcast_snooping 0 forward_delay 0")?;
    lab.switch.ip("link add br0 address 02:00:00:00:01:f0 type bridge mcast_snooping 0 forward_delay 0")?;
    let cables: [(End, End); 9] = [
        ((&lab.edge, "cli0", "02:00:00:00:03:01"), (&lab.client, "eth0", "02:00:00:00:03:0a")),
        ((&lab.core, "mid0", "02:00:00:00:04:02"), (&lab.edge, "mid0", "02:00:00:00:04:01")),
        ((&lab.core, "gateway", "02:00:00:00:02:f2"), (&lab.gateway, "out0", "02:00:00:00:02:02")),
        ((&lab.core, "plain", "02:00:00:00:02:f3"), (&lab.plain, "out0", "02:00:00:00:02:03")),
        ((&lab.switch, "gateway", "02:00:00:00:01:f1"), (&lab.gateway, "in0", super::MAC_GATEWAY)),
        ((&lab.switch, "plain", "02:00:00:00:01:f2"), (&lab.plain, "in0", "02:00:00:00:01:02")),
        ((&lab.switch, "vm-a", "02:00:00:00:01:fa"), (&lab.vm_a, "eth0", super::MAC_A)),
        ((&lab.switch, "vm-b", "02:00:00:00:01:fb"), (&lab.vm_b, "eth0", super::MAC_B)),
        ((&lab.switch, "host-c", "02:00:00:00:01:fc"), (&lab.host_c, "eth0", super::MAC_C)),
    ];
    cables.into_iter().zip(100..).try_for_each(|((end, peer), number)| cable(end, peer, number))
}

/// A namespace, the name of a link in it, its MAC.
pub(super) type End<'a> = (&'a Namespace, &'a str, &'a str);

/// The numbers of a cable's two links differ: where they happen to be equal, the kernel takes a link for one that
/// hangs on no other and lets up to a second pass before it looks at a change of its carrier.
pub(super) fn cable((ns, link, mac): End, (peer, peer_link, peer_mac): End, number: u32) -> Result<()> {
    let (peer_ns, peer_number) = (peer.name(), number + 100);
    ns.ip(&format!(
        "link add {link} index {number} address {mac} type veth \
         peer name {peer_link} index {peer_number} address {peer_mac} netns {peer_ns}"
    ))
}

/// Waits until every link of `ns` that should be up carries packets.
pub(super) fn settled(ns: &Namespace) -> Result<()> {
    let carries = |link: &str| {
        link.contains(" lo: ")
            || link.contains("state UP")
                && (!link.contains("bridge_slave") || link.contains("bridge_slave state forwarding"))
    };
    wait_for(&format!("the links of {}", ns.role()), Duration::from_secs(5), || {
        let links = ns.output("ip -o -d link show up").map_err(|error| format!("{error:#}"))?;
        links.lines().find(|link| !carries(link)).map_or(Ok(()), |down| Err(down.to_owned()))
    })
}

const CLIENT: &str = "\
link set lo up
link set eth0 up
address add 198.51.100.10/24 dev eth0
address add 198.51.100.20/24 dev eth0
route add default via 198.51.100.1 src 198.51.100.10
";

const EDGE: &str = "\
link set lo up
link set cli0 up
link set mid0 up
address add 198.51.100.1/24 dev cli0
address add 192.0.2.1/30 dev mid0
route add default via 192.0.2.2
";

/// Private addresses are reached through the plain router, but never from the client's first address.
const CORE: &str = "\
link set lo up
link set mid0 up
link set gateway master out0 up
link set plain master out0 up
link set out0 up
address add 192.0.2.2/30 dev mid0
address add 203.0.113.1/24 dev out0
route add 198.51.100.0/24 via 192.0.2.1
route add 10.0.1.0/24 via 203.0.113.3
rule add from 198.51.100.10 to 10.0.0.0/8 unreachable
";

const GATEWAY: &str = "\
link set lo up
link set out0 up
link set in0 up
address add 203.0.113.2/24 dev out0
address add 10.0.1.1/24 dev in0
route add default via 203.0.113.1
";

const PLAIN: &str = "\
link set lo up
link set out0 up
link set in0 up
address add 203.0.113.3/24 dev out0
address add 10.0.1.2/24 dev in0
route add default via 203.0.113.1
";

const SWITCH: &str = "\
link set gateway master br0 up
link set plain master br0 up
link set vm-a master br0 up
link set vm-b master br0 up
link set host-c master br0 up
link set br0 up
";

/// What every inside host has besides its address.
const HOST: &str = "\
link set lo up
link set eth0 up
route add default via 10.0.1.1
route add 198.51.100.20/32 via 10.0.1.2
";

/// All that a test depends on is said here, whatever the host's own values are.
pub(super) fn set_kernel_parameters(ns: &Namespace) -> Result<()> {
    let (forward, nonlocal_bind) = match ns.role() {
        "edge" | "core" => ("1", "0"),
        router if router.starts_with("gateway") || router.starts_with("plain") => ("1", "0"),
        // As on real HA instances: a service listens on the HAVIP before its instance holds it.
        "vm-a" | "vm-b" | "vm-2" | "host-c" => ("0", "1"),
        _ => ("0", "0"),
    };
    let parameters = [
        ("net.ipv6.conf.all.disable_ipv6", "1"),
        ("net.ipv6.conf.default.disable_ipv6", "1"),
        ("net.ipv4.ip_forward", forward),
        ("net.ipv4.ip_nonlocal_bind", nonlocal_bind),
        ("net.ipv4.conf.all.rp_filter", "0"),
        ("net.ipv4.conf.default.rp_filter", "0"),
        ("net.ipv4.conf.all.send_redirects", "0"),
        ("net.ipv4.conf.default.send_redirects", "0"),
        ("net.ipv4.conf.all.accept_redirects", "0"),
        ("net.ipv4.conf.default.accept_redirects", "0"),
        // One ICMP error a second and peer would make the second check of a kind wait.
        ("net.ipv4.icmp_ratelimit", "0"),
    ];
    parameters.iter().try_for_each(|(key, value)| ns.sysctl(key, value))
}
