//! The links, routes and kernel parameters that a pair has beside those of its laboratory.

use std::time::Duration;

use anyhow::Result;

use super::{Lab, Router};
use crate::lab::{
    CORE, Namespace,
    namespace::ip_batch,
    topology::{cable, set_kernel_parameters, settled},
};

/// For how long a neighbour that was heard of is believed to be there, about.
pub const REACHABLE: Duration = Duration::from_millis(200);
/// How long after that it may still be heard of before it is asked.
pub const DELAY: Duration = Duration::from_millis(50);
/// Between two questions.
pub const RETRANSMIT: Duration = Duration::from_millis(50);
/// How often it is asked.
pub const PROBES: u32 = 3;

/// A router with its cables, addresses and default route.
pub(super) fn build(lab: &Lab, router: &Router) -> Result<()> {
    let Router { namespace, outside, inside, number } = router;
    let port = namespace.role();
    ip_batch(&[], &format!("netns add {}\n", namespace.name()))?;
    set_kernel_parameters(namespace)?;
    let mac = |segment: &str, last: u8| format!("02:00:00:00:{segment}:{last:02x}");
    let (outer, outer_port) = (mac("02", outside.octets()[3]), mac("02", 0xe0 + number));
    let (inner, inner_port) = (mac("01", inside.octets()[3]), mac("01", 0xe0 + number));
    let link = 130 + 2 * u32::from(*number);
    cable((&lab.core, port, &outer_port), (namespace, "out0", &outer), link)?;
    cable((&lab.switch, port, &inner_port), (namespace, "in0", &inner), link + 1)?;
    lab.core.ip(&format!("link set {port} master out0 up"))?;
    lab.switch.ip(&format!("link set {port} master br0 up"))?;
    namespace.ip(&format!(
        "link set lo up\nlink set out0 up\nlink set in0 up\n\
         address add {outside}/24 dev out0\naddress add {inside}/24 dev in0\n\
         route add default via {CORE}\n"
    ))?;
    [namespace, &lab.core, &lab.switch].into_iter().try_for_each(settled)
}

/// Whoever has a route over several routers leaves those that do not answer, and spreads flows by their ports.
pub(super) fn watch_neighbours(lab: &Lab) -> Result<()> {
    for (host, link) in spreading(lab) {
        host.sysctls(&[
            ("net.ipv4.fib_multipath_use_neigh", "1"),
            ("net.ipv4.fib_multipath_hash_policy", "1"),
        ])?;
        ask_neighbours(host, link, [REACHABLE, DELAY, RETRANSMIT])?;
    }
    Ok(())
}

/// The same hosts ask as rarely as a kernel does by default, and wait as long for an answer.
pub(super) fn believe_neighbours(lab: &Lab) -> Result<()> {
    let [reachable, delay, retransmit] = [300, 5, 1].map(Duration::from_secs);
    spreading(lab)
        .into_iter()
        .try_for_each(|(host, link)| ask_neighbours(host, link, [reachable, delay, retransmit]))
}

/// Who has routes over several routers, and by which link.
fn spreading(lab: &Lab) -> [(&Namespace, &'static str); 4] {
    [(&lab.core, "out0"), (&lab.vm_a, "eth0"), (&lab.vm_b, "eth0"), (&lab.host_c, "eth0")]
}

fn ask_neighbours(host: &Namespace, link: &str, times: [Duration; 3]) -> Result<()> {
    let [reachable, delay, retransmit] = times.map(|time| time.as_millis());
    host.ip(&format!(
        "ntable change name arp_cache dev {link} base_reachable {reachable} delay_probe {delay} \
         retrans {retransmit} ucast_probes {PROBES}"
    ))
}

/// Takes every router off the outside segment: the core's end of its cable is a link like any other.
pub(super) fn wire<'a>(lab: &Lab, routers: impl Iterator<Item = &'a Router>) -> Result<()> {
    lab.core.sysctl("net.ipv4.conf.all.ignore_routes_with_linkdown", "1")?;
    let [reachable, delay, retransmit] = [REACHABLE, DELAY, RETRANSMIT].map(|time| time.as_millis());
    for router in routers {
        let port = router.namespace.role();
        lab.core.sysctl(&format!("net.ipv4.conf.{port}.ignore_routes_with_linkdown"), "1")?;
        lab.core.ip(&format!(
            "link set {port} nomaster\naddress add {CORE}/32 dev {port}\n\
             ntable change name arp_cache dev {port} base_reachable {reachable} delay_probe {delay} \
             retrans {retransmit} ucast_probes {PROBES}"
        ))?;
    }
    Ok(())
}

/// Next hops, as `ip route` takes them.
pub(super) fn hops(hops: impl Iterator<Item = String>) -> String {
    let hops: Vec<String> = hops.collect();
    match hops.as_slice() {
        [one] => one.clone(),
        several => several.iter().map(|hop| format!("nexthop {hop} ")).collect(),
    }
}
