//! The laboratory: an internet, a gateway, a plain router and one VPC subnet, made of network namespaces.
//!
//! ```text
//! client ── edge ══ core ──┬── gateway ──┬── switch ── vm-a, vm-b, host-c
//!               mid        └── plain ────┘
//! ```
//!
//! `plain` is an ordinary Linux router beside the gateway. What the client sends from its second address passes there
//! and back, so one failover can be measured through both at the same moment. No link leads out of the laboratory.

mod cleanup;
pub mod crowd;
mod keepalived;
pub mod line;
mod namespace;
pub mod pair;
mod routers;
mod topology;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

pub use cleanup::{on_interrupt, sweep_dead};
pub(crate) use cleanup::{track, untrack};
pub use keepalived::{Keepalived, Setup};
pub use line::Line;
pub use namespace::Namespace;
pub use pair::{Pair, Router};
pub use routers::{MAC_2, Second};

/// The client's address; its packets pass the gateway.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
/// The client's second address; its packets pass the plain router.
pub const CLIENT_PLAIN: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 20);
/// The internet router on the outside segment.
pub const CORE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// The gateway, outside.
pub const GATEWAY_OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
/// The gateway, inside.
pub const GATEWAY_INSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
/// The VPC subnet.
pub const SUBNET: &str = "10.0.1.0/24";
/// Addresses for EIPs, inside the outside segment.
pub const EIP_POOL: &str = "203.0.113.64/27";
/// First address of [`EIP_POOL`].
pub const FIRST_EIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 64);
/// The address of vm-a.
pub const VM_A: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 11);
/// The address of vm-b.
pub const VM_B: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 12);
/// The address of the third inside host.
pub const HOST_C: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 13);
/// The MAC of the gateway, inside.
pub const MAC_GATEWAY: &str = "02:00:00:00:01:01";
/// The MAC of vm-a.
pub const MAC_A: &str = "02:00:00:00:01:0a";
/// The MAC of vm-b.
pub const MAC_B: &str = "02:00:00:00:01:0b";
/// The MAC of the third inside host.
pub const MAC_C: &str = "02:00:00:00:01:0c";
/// The HAVIP that most stories use.
pub const HAVIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);
/// A second HAVIP.
pub const HAVIP_2: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 60);

/// One laboratory. Any number can exist at once. Dropping it ends every process in it and removes its namespaces.
pub struct Lab {
    /// The public client: [`CLIENT`] and [`CLIENT_PLAIN`] on `eth0`.
    pub client: Namespace,
    /// The client's router: `cli0` to the client, `mid0` to the core.
    pub edge: Namespace,
    /// The internet: `mid0` to the edge, the bridge `out0` (ports `gateway`, `plain`) as outside segment.
    pub core: Namespace,
    /// Where Mooring works: `out0`, `in0`.
    pub gateway: Namespace,
    /// An ordinary router: `out0`, `in0`.
    pub plain: Namespace,
    /// The subnet's bridge `br0`, with one port per neighbour, named after it.
    pub switch: Namespace,
    /// The first instance; `eth0`.
    pub vm_a: Namespace,
    /// The second instance; `eth0`.
    pub vm_b: Namespace,
    /// An inside host that is no member of anything; `eth0`.
    pub host_c: Namespace,
    folder: tempfile::TempDir,
}

impl Lab {
    /// Builds a laboratory. Removes what dead processes left of theirs first.
    pub fn new() -> Result<Lab> {
        sweep_dead()?;
        let prefix = unique_prefix();
        let ns = |role| Namespace::named(&prefix, role);
        let lab = Lab {
            client: ns("client"),
            edge: ns("edge"),
            core: ns("core"),
            gateway: ns("gateway"),
            plain: ns("plain"),
            switch: ns("switch"),
            vm_a: ns("vm-a"),
            vm_b: ns("vm-b"),
            host_c: ns("host-c"),
            folder: tempfile::Builder::new().prefix(&prefix).tempdir().context("a folder for the lab")?,
        };
        topology::build(&lab).with_context(|| format!("lab {prefix}"))?;
        Ok(lab)
    }

    /// A folder of this laboratory's own, removed with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Every namespace.
    pub fn namespaces(&self) -> [&Namespace; 9] {
        let Lab { client, edge, core, gateway, plain, switch, vm_a, vm_b, host_c, folder: _ } = self;
        [client, edge, core, gateway, plain, switch, vm_a, vm_b, host_c]
    }

    /// The operator's file that tells dataplane-sync where a VPC lives: here every VPC is the gateway namespace.
    pub fn places(&self) -> String {
        let netns = self.gateway.name();
        format!("[[vpc]]\nname = \"*\"\nnetns = \"{netns}\"\ninside = \"in0\"\noutside = \"out0\"\n")
    }

    /// Starts keepalived for `havip` in `vm`. The higher priority wins.
    pub fn keepalived(&self, vm: &Namespace, priority: u8, havip: Ipv4Addr) -> Result<Keepalived> {
        self.keepalived_with(vm, &Setup::of(priority, havip))
    }

    /// Starts keepalived in `vm`, set up like this.
    pub fn keepalived_with(&self, vm: &Namespace, setup: &Setup) -> Result<Keepalived> {
        Keepalived::start(self.folder(), vm, setup)
    }

    /// Starts keepalived in `vm` with this configuration, which is for `havip`.
    pub fn keepalived_configured(
        &self,
        vm: &Namespace,
        havip: Ipv4Addr,
        configuration: &str,
    ) -> Result<Keepalived> {
        Keepalived::configured(self.folder(), vm, havip, configuration)
    }

    /// Pulls the cable of `vm` (or of `host_c`, `gateway`, `plain`) at the switch.
    pub fn unplug(&self, vm: &Namespace) -> Result<()> {
        self.switch.ip(&format!("link set {} down", vm.role()))
    }

    /// Puts the cable back and waits until it carries packets.
    pub fn plug(&self, vm: &Namespace) -> Result<()> {
        self.switch.ip(&format!("link set {} up", vm.role()))?;
        topology::settled(&self.switch)?;
        topology::settled(vm)
    }

    /// Sets the MTU of the link in the middle of the internet, in bytes (1500 at first).
    pub fn set_middle_mtu(&self, bytes: u16) -> Result<()> {
        for end in [&self.edge, &self.core] {
            end.ip(&format!("link set mid0 mtu {bytes}"))?;
        }
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        cleanup::remove(self.namespaces().map(Namespace::name));
    }
}

/// `moor-PID-N-RANDOM`: the pid lets a later run see that the owner is dead.
fn unique_prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let random = uuid::Uuid::now_v7().as_u128() as u16;
    format!("moor-{}-{count}-{random:04x}", std::process::id())
}
