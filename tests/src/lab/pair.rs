//! Two gateways of one region beside each other, and beside them two ordinary routers, in one laboratory.
//!
//! ```text
//!                     ┌── gateway ────┐
//! client ── edge ══ core ── gateway-2 ── switch ── vm-a, vm-b, host-c
//!                     ├── plain ──────┤
//!                     └── plain-2 ────┘
//! ```
//!
//! Nobody answers ARP for an EIP: the core has a route for the pool over both gateways, and the instances' default route
//! leads over both, by flow. The routes from and to the client's second address lead over both plain routers in the same
//! way. Who is on such a route is asked for by ARP at short intervals, so that a dead one is left soon.

mod wiring;

use std::{net::Ipv4Addr, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};

use super::{CLIENT_PLAIN, EIP_POOL, Lab, Namespace, SUBNET, cleanup};
use crate::wait::wait_for;

pub use wiring::{DELAY, PROBES, REACHABLE, RETRANSMIT};

/// How long the kernel may take to end a namespace's links.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest that a neighbour may take to see that a router is dead.
pub fn slowest_detection() -> Duration {
    detection_spread() + RETRANSMIT * PROBES
}

/// What two neighbours that watch two routers may differ by when both die at the same moment: the one may have heard of
/// its router just now, the other may be about to give up waiting.
pub fn detection_spread() -> Duration {
    // The kernel draws the time for which it believes that somebody is there between half and one and a half of it.
    REACHABLE * 3 / 2 + DELAY
}

/// A router between the two segments: `out0`, `in0`.
#[derive(Debug, Clone)]
pub struct Router {
    /// Where it lives.
    pub namespace: Namespace,
    /// Its address on the outside segment.
    pub outside: Ipv4Addr,
    /// Its address in the subnet.
    pub inside: Ipv4Addr,
    number: u8,
}

/// The laboratory. Dropping it removes every namespace.
pub struct Pair {
    /// The gateways, in the order in which they came; the first is the laboratory's own.
    pub gateways: Vec<Router>,
    /// The two ordinary routers; the first is the laboratory's own.
    pub plains: Vec<Router>,
    /// Whether the core has a link of its own to each router, and no segment.
    wired: bool,
    /// All the rest.
    pub lab: Lab,
}

impl Pair {
    /// Builds it. Every route leads over both.
    pub fn new() -> Result<Pair> {
        Pair::built(false)
    }

    /// The same, with a link from the core to each router instead of the outside segment: when a router dies the core
    /// sees that at its own end.
    pub fn wired() -> Result<Pair> {
        Pair::built(true)
    }

    fn built(wired: bool) -> Result<Pair> {
        let lab = Lab::new()?;
        let gateways = vec![Router::new(&lab, "gateway", 0), Router::new(&lab, "gateway", 1)];
        let plains = vec![Router::new(&lab, "plain", 0), Router::new(&lab, "plain", 1)];
        let pair = Pair { gateways, plains, wired, lab };
        wiring::build(&pair.lab, &pair.gateways[1])?;
        wiring::build(&pair.lab, &pair.plains[1])?;
        wiring::watch_neighbours(&pair.lab)?;
        if wired {
            wiring::wire(&pair.lab, pair.gateways.iter().chain(&pair.plains))?;
        }
        pair.ways(&[0, 1])?;
        pair.route_plain()?;
        Ok(pair)
    }

    /// From now on neighbours believe for minutes that a router is there, as they do where nobody has said otherwise: for
    /// what is to be seen on a machine so busy that an answer to ARP can be late.
    pub fn trust_routers(&self) -> Result<()> {
        wiring::believe_neighbours(&self.lab)
    }

    /// The way of the client's second address leads over both ordinary routers.
    fn route_plain(&self) -> Result<()> {
        let outside = wiring::hops(self.plains.iter().map(|plain| self.hop_in(plain)));
        self.lab.core.ip(&format!("route replace {SUBNET} {outside}"))?;
        let inside = wiring::hops(self.plains.iter().map(hop_out));
        let Lab { vm_a, vm_b, host_c, .. } = &self.lab;
        [vm_a, vm_b, host_c]
            .into_iter()
            .try_for_each(|host| host.ip(&format!("route replace {CLIENT_PLAIN}/32 {inside}")))
    }

    /// How the core reaches a router.
    fn hop_in(&self, router: &Router) -> String {
        match self.wired {
            true => format!("via {} dev {} onlink", router.outside, router.namespace.role()),
            false => format!("via {} dev out0", router.outside),
        }
    }

    /// One more gateway, over which no route leads yet. Answers with its number.
    pub fn join(&mut self) -> Result<usize> {
        let number = self.gateways.len();
        let joined = Router::new(&self.lab, "gateway", u8::try_from(number)?);
        wiring::build(&self.lab, &joined)?;
        self.gateways.push(joined);
        Ok(number)
    }

    /// The operator's file for one of the gateways: every VPC lives in its namespace, and EIPs are routed to it.
    pub fn places(&self, gateway: usize) -> String {
        let netns = self.gateways[gateway].namespace.name();
        format!(
            "[[vpc]]\nname = \"*\"\nnetns = \"{netns}\"\ninside = \"in0\"\noutside = \"out0\"\narp = false\n"
        )
    }

    /// Packets of EIPs go over these gateways from now on, in both directions, each flow over one of them.
    pub fn ways(&self, gateways: &[usize]) -> Result<()> {
        self.way_in(gateways)?;
        self.way_out(gateways)
    }

    /// The core sends what is for an EIP to these gateways.
    pub fn way_in(&self, gateways: &[usize]) -> Result<()> {
        let hops = wiring::hops(gateways.iter().map(|gateway| self.hop_in(&self.gateways[*gateway])));
        self.lab.core.ip(&format!("route replace {EIP_POOL} {hops}"))
    }

    /// The instances send what is for the internet to these gateways.
    pub fn way_out(&self, gateways: &[usize]) -> Result<()> {
        let Lab { vm_a, vm_b, host_c, .. } = &self.lab;
        [vm_a, vm_b, host_c].into_iter().try_for_each(|vm| self.way_out_of(vm, gateways))
    }

    /// One instance sends what is for the internet to these gateways.
    pub fn way_out_of(&self, vm: &Namespace, gateways: &[usize]) -> Result<()> {
        let hops = wiring::hops(gateways.iter().map(|gateway| hop_out(&self.gateways[*gateway])));
        vm.ip(&format!("route replace default {hops}"))
    }

    /// Pulls every cable of these routers at once, as when machines die: whoever was served by them has to find out.
    pub fn cut(&self, routers: &[&Router]) -> Result<()> {
        self.set_ports(routers, "down")
    }

    /// These machines die: their own ends of all cables are gone, and with them whatever the kernel keeps by link.
    pub fn die(&self, routers: &[&Router]) -> Result<()> {
        routers.iter().try_for_each(|router| router.namespace.ip("link set out0 down\nlink set in0 down"))
    }

    /// Puts the cables back.
    pub fn mend(&self, routers: &[&Router]) -> Result<()> {
        self.set_ports(routers, "up")?;
        let ends = [&self.lab.core, &self.lab.switch];
        let ends = ends.into_iter().chain(routers.iter().map(|router| &router.namespace));
        ends.into_iter().try_for_each(super::topology::settled)
    }

    fn set_ports(&self, routers: &[&Router], state: &str) -> Result<()> {
        let port = |router: &&Router| format!("link set {} {state}\n", router.namespace.role());
        let lines: String = routers.iter().map(port).collect();
        self.lab.core.ip(&lines)?;
        self.lab.switch.ip(&lines)
    }

    /// Takes a router's namespace away with all that is in its kernel. What has sockets in it keeps it alive.
    pub fn remove(&self, router: &Router) -> Result<()> {
        let name = router.namespace.name();
        let done = Command::new("ip").args(["netns", "delete", name]).status()?;
        ensure!(done.success(), "deleting {name}: {done}");
        let port = router.namespace.role();
        wait_for(&format!("the links of {port} to be gone"), PATIENCE, || {
            for end in [&self.lab.core, &self.lab.switch] {
                if end.output(&format!("ip link show dev {port}")).is_ok() {
                    return Err(format!("{} still has its own", end.role()));
                }
            }
            Ok(())
        })
    }

    /// Makes a router that was taken away anew: a machine that starts, with nothing in its kernel.
    pub fn make(&self, router: &Router) -> Result<()> {
        wiring::build(&self.lab, router)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // The first of each goes with the laboratory.
        let added = self.gateways.iter().skip(1).chain(self.plains.iter().skip(1));
        cleanup::remove(added.map(|router| router.namespace.name()));
    }
}

impl Router {
    fn new(lab: &Lab, kind: &str, number: u8) -> Router {
        let prefix = lab.gateway.name().trim_end_matches("-gateway");
        let role = if number == 0 { kind.to_owned() } else { format!("{kind}-{}", number + 1) };
        let last = 2 * number + u8::from(kind == "plain");
        Router {
            namespace: Namespace::named(prefix, &role),
            outside: Ipv4Addr::new(203, 0, 113, 2 + last),
            inside: Ipv4Addr::new(10, 0, 1, 1 + last),
            number: last,
        }
    }

    /// How many packets came in by a link, and went out by it, since it was made.
    pub fn counted(&self, link: &str) -> Result<Counted> {
        let shown = self.namespace.output(&format!("ip -j -s link show dev {link}"))?;
        let shown: serde_json::Value = serde_json::from_str(&shown)?;
        let count = |way: &str| {
            let packets = shown[0]["stats64"][way]["packets"].as_u64();
            packets.with_context(|| format!("no count of packets in {shown}"))
        };
        Ok(Counted { came: count("rx")?, went: count("tx")? })
    }
}

/// How an instance reaches a router.
fn hop_out(router: &Router) -> String {
    format!("via {} dev eth0", router.inside)
}

/// Packets of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Those that came in.
    pub came: u64,
    /// Those that went out.
    pub went: u64,
}
