//! A gateway on a line: for measuring how many packets it passes, with nothing else in their way.
//!
//! ```text
//! outside ── gateway ── inside
//! ```
//!
//! Any number of lines can stand beside each other. What the gateway receives is worked on by one core, told to the kernel
//! as receive packet steering; whoever sends takes another.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::namespace::ip_batch;
use super::topology::{cable, set_kernel_parameters, settled};
use super::{Namespace, cleanup, sweep_dead, unique_prefix};

/// The gateway's address outside.
pub const LINE_GATEWAY_OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
/// The router outside.
pub const LINE_OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// The gateway's address inside.
pub const LINE_GATEWAY_INSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// The MAC of the gateway's end outside.
pub const LINE_MAC_OUT: [u8; 6] = [2, 0, 0, 0, 2, 2];
/// The MAC of the gateway's end inside.
pub const LINE_MAC_IN: [u8; 6] = [2, 0, 0, 0, 1, 1];
/// The MAC of the router outside.
pub const LINE_MAC_OUTSIDE: [u8; 6] = [2, 0, 0, 0, 2, 1];
/// The MAC of whoever is inside.
pub const LINE_MAC_INSIDE: [u8; 6] = [2, 0, 0, 0, 1, 0x0a];

/// One line. Dropping it removes its namespaces.
pub struct Line {
    /// The internet; `eth0`.
    pub outside: Namespace,
    /// `out0`, `in0`.
    pub gateway: Namespace,
    /// The instance; `eth0`.
    pub inside: Namespace,
}

impl Line {
    /// Builds one; the gateway's subnet is 10.0.0.0/8.
    pub fn new() -> Result<Line> {
        sweep_dead()?;
        let prefix = unique_prefix();
        let ns = |role| Namespace::named(&prefix, role);
        let line = Line { outside: ns("outside"), gateway: ns("gateway"), inside: ns("inside") };
        line.build().with_context(|| format!("line {prefix}"))?;
        Ok(line)
    }

    fn namespaces(&self) -> [&Namespace; 3] {
        [&self.outside, &self.gateway, &self.inside]
    }

    fn build(&self) -> Result<()> {
        let adds: String = self.namespaces().iter().map(|ns| format!("netns add {}\n", ns.name())).collect();
        ip_batch(&[], &adds)?;
        self.namespaces().into_iter().try_for_each(set_kernel_parameters)?;
        let Line { outside, gateway, inside } = self;
        cable((outside, "eth0", &text(LINE_MAC_OUTSIDE)), (gateway, "out0", &text(LINE_MAC_OUT)), 102)?;
        cable((inside, "eth0", &text(LINE_MAC_INSIDE)), (gateway, "in0", &text(LINE_MAC_IN)), 104)?;
        outside.ip("link set lo up\nlink set eth0 up\naddress add 203.0.113.1/24 dev eth0\nroute add default via 203.0.113.2\n")?;
        inside.ip("link set lo up\nlink set eth0 up\naddress add 10.0.0.2/8 dev eth0\nroute add default via 10.0.0.1\n")?;
        gateway.ip("link set lo up\nlink set out0 up\nlink set in0 up\naddress add 203.0.113.2/24 dev out0\naddress add 10.0.0.1/8 dev in0\nroute add default via 203.0.113.1\n")?;
        self.namespaces().into_iter().try_for_each(settled)?;
        // Whatever is measured, nobody asks for it.
        gateway.ip("neighbour replace 203.0.113.1 lladdr 02:00:00:00:02:01 dev out0 nud permanent\n")
    }

    /// What comes to the gateway, and from it, is worked on by this core.
    pub fn steer(&self, core: usize) -> Result<()> {
        for link in ["out0", "in0"] {
            let write = format!("echo {:x} > /sys/class/net/{link}/queues/rx-0/rps_cpus", 1_u64 << core);
            // `ip netns exec` is what shows the links of the namespace in /sys.
            let status = Command::new("ip")
                .args(["netns", "exec", self.gateway.name(), "sh", "-c", &write])
                .stdin(Stdio::null())
                .status()?;
            ensure!(status.success(), "`{write}`: {status}");
        }
        Ok(())
    }

    /// Whatever comes to either end goes no further: an end is counted at, and does nothing else.
    pub fn sink(&self) -> Result<()> {
        const SINK: &str = "add table netdev sink; add chain netdev sink everything { type filter hook ingress device eth0 priority 0; policy drop; }";
        for end in [&self.outside, &self.inside] {
            let done = end.command("nft").arg(SINK).stdin(Stdio::null()).output()?;
            ensure!(done.status.success(), "nft: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        cleanup::remove(self.namespaces().map(Namespace::name));
    }
}

fn text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
